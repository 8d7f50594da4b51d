import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import rhea, { type Connection, type Container } from 'rhea';
import { login } from './messaging.ts';

/** A listener of rhea's own that does what a test says: for what no real broker can be made to do at will. */
export interface ScriptedPeer {
  readonly host: string;
  readonly port: number;
  readonly container: Container;
  /** Connections that were opened, in order. */
  readonly connections: Connection[];
  close(): Promise<void>;
}

export async function scriptedPeer(
  product: { product: string; version: string },
  script: (container: Container) => void = () => {},
  announced: { readonly idle_time_out?: number } = {},
): Promise<ScriptedPeer> {
  const container = rhea.create_container({ id: 'scripted' });
  const connections: Connection[] = [];
  container.sasl_server_mechanisms.enable_plain((user: string, password: string) => {
    return user === login.user && password === login.password;
  });
  container.on('connection_open', ({ connection }) => connections.push(connection));
  for (const event of [
    ...['error', 'protocol_error', 'connection_error', 'connection_close', 'disconnected'],
    ...['session_error', 'session_close', 'sender_error', 'sender_close', 'receiver_error', 'receiver_close'],
  ]) {
    container.on(event, () => {});
  }
  script(container);
  const server: Server = container.listen({
    port: 0,
    host: '127.0.0.1',
    properties: product,
    ...announced,
    receiver_options: { autoaccept: false, credit_window: 100 },
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: '127.0.0.1',
    port,
    container,
    connections,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const connection of connections) connection['abort_socket'](connection['socket']);
      await closed;
    },
  };
}
