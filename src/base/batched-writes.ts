import type { Socket } from 'node:net';

/**
 * Makes what is written to `socket` in one turn of the event loop leave in one system call. For protocols whose library
 * writes frame by frame: it is most of their speed.
 */
export function batchWrites(socket: Socket): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let held = false;
  const letGo = (): void => {
    held = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]): boolean => {
    if (!held) {
      held = true;
      socket.cork();
      setImmediate(letGo);
    }
    return write(...args);
  };
}
