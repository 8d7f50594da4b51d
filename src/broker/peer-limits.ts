import type { Frame, OpenConnection, OpenSession, Transfer } from './rhea-internals.ts';

/** What one connection may open: as RabbitMQ's defaults (messaging.md §4). */
const most = { sessions: 64, linksOfSession: 256, settledAtOnce: 65_536 };

/** Any format but 0: rhea then hands a message over as the bytes that it is made of. */
const asBytes = 1;

/**
 * Holds a connection to what was agreed, where rhea does not: sessions, links, the size of a message, the range of a
 * disposition. What is beyond throws, which ends the connection. Messages arrive as bytes, undecoded.
 */
export function limitFrames(connection: OpenConnection, maxMessage: number): void {
  const begin = connection.on_begin.bind(connection);
  const attach = connection.on_attach.bind(connection);
  const transfer = connection.on_transfer.bind(connection);
  const disposition = connection.on_disposition.bind(connection);
  const incomplete = new WeakMap<object, number>();

  connection.on_begin = (frame) => {
    if (Object.keys(connection.local_channel_map).length >= most.sessions) throw new Error('too many sessions');
    begin(frame);
  };

  // The two halves of a management link pair bear one name, and rhea keeps a session's links by name: ours differ inside.
  connection.on_attach = (frame) => {
    const { name, role } = frame.performative;
    const inside = `${role ? 'out' : 'in'} ${name}`;
    frame.performative.name = inside;
    attach(frame);
    const links = connection.remote_channel_map[frame.channel]?.links ?? {};
    if (Object.keys(links).length > most.linksOfSession) throw new Error('too many links');
    const link = links[inside];
    if (link !== undefined) link.local.attach.name = name;
  };

  connection.on_transfer = (frame) => {
    frame.performative.message_format = asBytes;
    const link = linkOf(connection.remote_channel_map[frame.channel], frame);
    if (link !== undefined) {
      const size = (incomplete.get(link) ?? 0) + (frame.payload?.length ?? 0);
      if (size > maxMessage) throw new Error(`a message of more than ${maxMessage} bytes`);
      incomplete.set(link, frame.performative.more ? size : 0);
    }
    transfer(frame);
  };

  connection.on_disposition = (frame) => {
    const { first, last } = frame.performative;
    if ((last ?? first) - first > most.settledAtOnce) throw new Error('a disposition without bounds');
    disposition(frame);
  };
}

function linkOf(session: OpenSession | undefined, frame: Frame<Transfer>): object | undefined {
  return session?.remote.handles[frame.performative.handle];
}
