import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import rhea from 'rhea';
import type { Broker, BrokerLimits } from '../../src/broker/broker.ts';
import { eventually } from '../support/eventually.ts';
import { type RecordedLines, recordedLogs } from '../support/logs.ts';
import { aBroker } from '../support/messaging.ts';
import { rawClient } from '../support/raw-client.ts';
import { rheaClient, rheaSender } from '../support/rhea-client.ts';

const saslHeader = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1');

/** Sends bytes to the broker, and resolves with what it said before it hung up. */
async function answerTo(broker: Broker, ...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(broker.port, broker.host);
  const answer: Buffer[] = [];
  socket.on('data', (bytes) => answer.push(bytes));
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  if (!socket.closed) await once(socket, 'close');
  return Buffer.concat(answer).toString('latin1');
}

/** A broker for one test, and what it wrote to the log. */
async function withBroker(
  limits: Partial<BrokerLimits>,
  body: (broker: Broker, at: RecordedLines['at']) => Promise<void>,
): Promise<void> {
  const { logs, at } = recordedLogs();
  const broker = await aBroker({ logs, limits });
  try {
    await body(broker, at);
  } finally {
    await broker.close();
  }
}

/** The broker serves as if nothing had happened. */
async function stillServes(broker: Broker): Promise<void> {
  const { connection, admin } = await rawClient(broker);
  await admin.declareQueue({ name: 'alive', durable: false, autoDelete: false, arguments: {} });
  assert.deepEqual(await admin.inspect('alive'), { messages: 0, consumers: 0 });
  await connection.close();
}

/** A SASL frame around the bytes of a performative. */
function saslFrame(performative: Buffer): Buffer {
  const frame = Buffer.alloc(8 + performative.length);
  frame.writeUInt32BE(frame.length);
  frame.set([2, 1, 0, 0], 4);
  performative.copy(frame, 8);
  return frame;
}

test('a wrong password is refused, and told once at WARNING without the password [M-60, M-63]', () =>
  withBroker({}, async (broker, at) => {
    await assert.rejects(rawClient(broker, { password: 'guessed' }), /Failed to authenticate/);
    await assert.rejects(rawClient(broker, { user: 'guest', password: 'guest' }), /Failed to authenticate/);

    assert.equal(at('WARNING').length, 2);
    assert.ok(at('WARNING').every((line) => !line.includes('guessed') && /refused/.test(line)));
    await stillServes(broker);
  }));

test('nobody comes in without a login: neither ANONYMOUS nor without SASL [M-36, M-60]', () =>
  withBroker({}, async (broker) => {
    const plainHeader = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1');

    assert.equal((await answerTo(broker, plainHeader)).includes('volume-daemon'), false);
    const connection = rhea.create_container().connect({ ...broker, reconnect: false, username: 'anonymous' });
    const [context] = await once(connection, 'connection_error');
    assert.match(String(context.error), /No suitable mechanism/);
    connection.on('disconnected', () => {});
    connection['socket'].destroy();
    await stillServes(broker);
  }));

test('a peer that speaks AMQP 0-9-1 is told what is spoken here, and the log says so', () =>
  withBroker({}, async (broker, at) => {
    const answer = await answerTo(broker, Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'));

    assert.ok(answer.endsWith('AMQP\x03\x01\x00\x00'));
    assert.match(at('WARNING').join(), /AMQP 1\.0: Unsupported AMQP version: 0-9-1/);
    await stillServes(broker);
  }));

test('a browser gets an answer that it can show', () =>
  withBroker({}, async (broker) => {
    const answer = await answerTo(broker, 'GET /api/overview HTTP/1.1\r\nHost: x\r\n\r\n');

    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n(.+\r\n)+\r\nThis port speaks AMQP 1\.0\.\n$/);
    await stillServes(broker);
  }));

test('bytes that are no AMQP end their connection and nothing else', () =>
  withBroker({}, async (broker) => {
    const noise = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919 + (at >> 3)) % 256));
    const strange = [
      [noise],
      ['\x16\x03\x01\x02\x00\x01'],
      [saslHeader, noise],
      [saslHeader, Buffer.from('fffffff0', 'hex'), noise],
      [saslHeader, Buffer.from('00000000', 'hex'), noise],
      [saslHeader, Buffer.from('0000000402010000', 'hex')],
      [saslHeader, saslFrame(Buffer.from('005341d00000000a00000001a1ff', 'hex'))],
      [saslHeader, saslFrame(Buffer.from('0053410040', 'hex'))],
      [saslHeader, saslFrame(Buffer.from('005310c00401a10161', 'hex'))],
      [saslHeader, saslFrame(Buffer.from('005341c0090200a305504c41494e40', 'hex'))],
      [saslHeader, saslHeader],
    ];

    for (const parts of strange) await answerTo(broker, ...parts);

    await stillServes(broker);
  }));

test('a frame that announces millions of elements before any login costs nothing', () =>
  withBroker({}, async (broker) => {
    const manyNulls = Buffer.from('005341f00000000a02faf08040', 'hex');
    const longList = Buffer.from('005341d00000000801ffffff4040', 'hex');
    const longMap = Buffer.from('005341d10000000801ffffff4040', 'hex');
    const deep = Buffer.alloc(480);
    const before = process.memoryUsage.rss();

    for (const performative of [manyNulls, longList, longMap, deep]) {
      for (let times = 0; times < 5; times++) await answerTo(broker, saslHeader, saslFrame(performative));
    }

    assert.ok(process.memoryUsage.rss() - before < 50 * 2 ** 20);
    await stillServes(broker);
  }));

test('a connection that does not come to the point is cut', () =>
  withBroker({ handshake: 50 }, async (broker, at) => {
    await answerTo(broker);
    await answerTo(broker, 'A');
    await answerTo(broker, saslHeader);

    assert.equal(at('WARNING').filter((line) => /in time/.test(line)).length, 3);
    await stillServes(broker);
  }));

test('whoever has logged in is held to frame size, sessions, links and message size [M-61]', () =>
  withBroker({ maxMessage: 200_000 }, async (broker) => {
    const large = await rheaClient(broker);
    large['socket'].write(Buffer.from('00020001', 'hex'));
    await once(large, 'disconnected');

    const sessions = await rheaClient(broker);
    for (let count = 0; count < 70; count++) sessions.create_session().begin();
    await once(sessions, 'disconnected');

    const links = await rheaClient(broker);
    const session = links.create_session();
    session.begin();
    for (let count = 0; count < 300; count++) session.open_sender({ name: `s${count}`, target: {} });
    await once(links, 'disconnected');

    const heavy = await rheaClient(broker);
    const { send } = await rheaSender(heavy);
    send('/queues/x', 'x'.repeat(150_000));
    send('/queues/x', 'x'.repeat(250_000));
    await once(heavy, 'disconnected');

    await stillServes(broker);
  }));

test('a disposition over four thousand million deliveries does not stop the broker', () =>
  withBroker({}, async (broker) => {
    const client = await rheaClient(broker);
    await rheaSender(client);
    // role receiver, first 0, last 2^32 - 1, settled
    const performative = Buffer.from('005315c00a04414370ffffffff41', 'hex');
    const frame = Buffer.alloc(8 + performative.length);
    frame.writeUInt32BE(frame.length);
    frame.set([2, 0, 0, 0], 4);
    performative.copy(frame, 8);

    client['socket'].write(frame);
    await once(client, 'disconnected');

    await stillServes(broker);
  }));

test('a message that is none ends the connection of its sender', () =>
  withBroker({}, async (broker) => {
    const client = await rheaClient(broker);
    const { sender } = await rheaSender(client);

    sender.send(Buffer.from('f00000000902faf08040', 'hex'), undefined, 0);
    await once(client, 'disconnected');

    await stillServes(broker);
  }));

test('strangers that only occupy the port keep nobody out who has the password, and known peers stay', () =>
  withBroker({ connections: 20 }, async (broker, at) => {
    const known = await rawClient(broker);
    const idle = Array.from({ length: 100 }, () => connect(broker.port, broker.host).on('error', () => {}));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));

    await stillServes(broker);
    await known.admin.declareQueue({ name: 'kept', durable: false, autoDelete: false, arguments: {} });
    await eventually('the oldest are gone', () => idle.filter(({ closed }) => closed).length >= 80);

    for (const socket of idle) socket.destroy();
    await eventually('there is room', () => idle.every(({ closed }) => closed));
    const others: (typeof known)[] = [];
    for (let count = 0; count < 19; count++) others.push(await rawClient(broker));
    await assert.rejects(rawClient(broker));
    assert.match(at('WARNING').join(), /refused by the embedded broker: 20 are open/);
    for (const { connection } of [known, ...others]) await connection.close();
  }));

test('connections that come and go leave nothing behind', () =>
  withBroker({ connections: 20 }, async (broker) => {
    const sockets: Socket[] = [];
    for (let round = 0; round < 100; round++) {
      const socket = connect(broker.port, broker.host);
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(round % 2 === 0 ? saslHeader : 'junk that is none');
      sockets.push(socket);
      if (round % 3 === 0) socket.destroy();
      else
        await eventually(
          'room',
          () => sockets.filter(({ closed }) => !closed).length < 15 || sockets.shift()?.destroy(),
        );
    }
    for (const socket of sockets) socket.destroy();

    await eventually('there is room again', () =>
      stillServes(broker).then(
        () => true,
        () => false,
      ),
    );
  }));
