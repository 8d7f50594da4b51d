import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True when we may talk to the daemon behind a Unix socket. */
export async function canReach(socket: string): Promise<boolean> {
  const client = connect(socket);
  try {
    await once(client, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    client.destroy();
  }
}

/**
 * Runs `body` with a socket that leads to the daemon's and puts `secret` where the stand-in passes by. tgtadm takes a
 * password as an argument only, where every user of the machine can read it; this way the argument is the stand-in.
 * Both have the same length, so the request stays well formed whatever its layout.
 */
export async function relaySecret<T>(
  route: { readonly socket: string; readonly folder: string; readonly standIn: string; readonly secret: string },
  body: (socket: string) => Promise<T>,
): Promise<T> {
  // A socket's path has room for 107 characters.
  const base = route.folder.length < 80 ? route.folder : tmpdir();
  const folder = await mkdtemp(join(base, '.relay-'));
  const relay = join(folder, 's');
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const daemon = connect(route.socket);
    for (const socket of [client, daemon]) {
      open.add(socket);
      // What breaks on one side ends the other; tgtadm then says what it missed.
      socket.on('error', () => [client, daemon].map((end) => end.destroy()));
      socket.on('close', () => open.delete(socket));
    }
    daemon.pipe(client);
    forward(client, daemon, route.standIn, route.secret);
  });
  try {
    // tgtadm appends the control port to the name it is given.
    const suffix = route.socket.slice(route.socket.lastIndexOf('.'));
    server.listen(relay + suffix);
    await once(server, 'listening');
    return await body(relay);
  } finally {
    server.close();
    for (const socket of open) socket.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

function forward(client: Socket, daemon: Socket, standIn: string, secret: string): void {
  let held = Buffer.alloc(0);
  let replaced = false;
  client.on('data', (chunk: Buffer) => {
    if (replaced) {
      daemon.write(chunk);
      return;
    }
    held = Buffer.concat([held, chunk]);
    const at = held.indexOf(standIn);
    if (at < 0) return;
    held.write(secret, at);
    replaced = true;
    daemon.write(held);
  });
  client.on('end', () => daemon.end());
}
