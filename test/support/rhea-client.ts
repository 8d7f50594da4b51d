import { once } from 'node:events';
import rhea, { type Connection, type Delivery, type EventContext, type Receiver, type Sender } from 'rhea';
import { login } from './messaging.ts';

/** A client of rhea itself, for what ours never does: other outcomes, other settlement, drain. */
export async function rheaClient(broker: { host: string; port: number }): Promise<Connection> {
  const container = rhea.create_container();
  container.on('error', () => {});
  const mechanism = () => ({
    start: (done: (error: undefined, answer: Buffer) => void) =>
      done(undefined, Buffer.from(`\0${login.user}\0${login.password}`)),
  });
  const connection = container.connect({
    ...broker,
    reconnect: false,
    ...{ tcp_no_delay: true, sasl_mechanisms: { PLAIN: mechanism } },
  });
  for (const event of ['connection_error', 'connection_close', 'disconnected', 'error', 'protocol_error']) {
    connection.on(event, () => {});
  }
  await once(connection, 'connection_open');
  return connection;
}

/** A sender in a session of its own, with the outcomes that it was told, in order. */
export async function rheaSender(
  connection: Connection,
  target?: string,
): Promise<{ sender: Sender; outcomes: string[]; send(to: string, body: string, more?: object): Delivery }> {
  const session = connection.create_session();
  session.begin();
  session.on('session_error', () => {});
  const to = target === undefined ? {} : { address: target };
  const sender = session.open_sender({ target: to, treat_modified_as_released: false });
  const outcomes: string[] = [];
  for (const outcome of ['accepted', 'released', 'rejected', 'modified']) {
    sender.on(outcome, ({ delivery }: EventContext) => {
      const condition = delivery?.remote_state?.['error']?.condition;
      outcomes.push(condition === undefined ? outcome : `${outcome} ${condition}`);
    });
  }
  sender.on('sender_error', () => {});
  await once(sender, 'sendable');
  const send = (to: string, body: string, more: object = {}): Delivery =>
    sender.send({ to, body: rhea.message.data_section(Buffer.from(body)), ...more });
  return { sender, outcomes, send };
}

/** A receiver in a session of its own, with what came. */
export async function rheaReceiver(
  connection: Connection,
  queue: string,
  credit: number,
): Promise<{ receiver: Receiver; got: { text: string; message: EventContext['message']; delivery: Delivery }[] }> {
  const session = connection.create_session();
  session.begin();
  session.on('session_error', () => {});
  const receiver = session.open_receiver({ source: `/queues/${queue}`, autoaccept: false, credit_window: 0 });
  const got: { text: string; message: EventContext['message']; delivery: Delivery }[] = [];
  receiver.on('message', ({ message, delivery }: EventContext) => {
    if (delivery !== undefined) got.push({ text: String(message?.body.content ?? message?.body), message, delivery });
  });
  receiver.on('receiver_error', () => {});
  await once(receiver, 'receiver_open');
  if (credit > 0) receiver.add_credit(credit);
  return { receiver, got };
}
