import { createServer, Socket } from 'node:net';
import { join } from 'node:path';

// An instrumentation module (L-041) for workers: it stands between a worker and its connections, so that a test can stop
// what the worker says at any moment, or cut the line. `WIRE_TAP` names the folder of its control sockets.

type Done = (error?: Error | null) => void;
interface Writes {
  _write(this: Socket, chunk: unknown, encoding: string, done: Done): void;
  _writev(this: Socket, chunks: unknown, done: Done): void;
}

const held: (() => void)[] = [];
const lines = new Set<Socket>();
let holding = false;

function isLine(socket: Socket): boolean {
  if (socket.remotePort === undefined) return false;
  lines.add(socket);
  socket.once('close', () => lines.delete(socket));
  return true;
}

const commands: Readonly<Record<string, () => void>> = {
  /** What the worker says from now on stays here. */
  hold() {
    holding = true;
  },
  flow() {
    holding = false;
    for (const write of held.splice(0)) write();
  },
  cut() {
    // As it looks from here when the other side, or something between, resets the connection.
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    for (const socket of lines) socket.destroy(reset);
    commands['flow']?.();
  },
};

/** Called by the daemon in each of its processes. */
export function tap({ role }: { readonly role: string }): void {
  if (role !== 'worker') return;
  const prototype = Socket.prototype as unknown as Writes;
  const { _write, _writev } = prototype;
  prototype._write = function (chunk, encoding, done) {
    const write = (): void => _write.call(this, chunk, encoding, done);
    if (isLine(this) && holding) held.push(write);
    else write();
  };
  prototype._writev = function (chunks, done) {
    const write = (): void => _writev.call(this, chunks, done);
    if (isLine(this) && holding) held.push(write);
    else write();
  };
  const control = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (command) => {
      commands[String(command)]?.();
      socket.end('done');
    });
  });
  control.listen(join(process.env['WIRE_TAP'] ?? '', `tap-${process.pid}`)).unref();
}
