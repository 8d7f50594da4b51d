import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Container, EventContext, Sender } from 'rhea';
import { type AmqpConnection, AmqpFailure, type Settlement } from '../../src/messaging/amqp.ts';
import { dataSection, dial } from '../../src/messaging/amqp1.ts';
import { eventually } from '../support/eventually.ts';
import { login } from '../support/messaging.ts';
import { type ScriptedPeer, scriptedPeer } from '../support/scripted-peer.ts';

// The hazards of rhea 3.0.5 (messaging.md §7), each held against a listener that provokes it.

const settings = { ...login, external: false, tls: undefined, virtualHost: '/', idleTimeout: 30_000, name: 'test' };
const never = { message: () => {}, ended: () => {}, room: () => {} };

async function withPeer(
  script: (container: Container) => void,
  body: (connection: AmqpConnection, peer: ScriptedPeer) => Promise<void>,
): Promise<void> {
  const peer = await scriptedPeer({ product: 'RabbitMQ', version: '4.0.5' }, script);
  const connection = await dial({ ...settings, host: peer.host, port: peer.port }, AbortSignal.timeout(10_000));
  try {
    await body(connection, peer);
  } finally {
    await connection.close();
    await peer.close();
  }
}

test('a refused attach is a failure with its condition, and the connection lives on [M-30, M-41, messaging 7 no. 1]', () =>
  withPeer(
    (container) =>
      container.on('sender_open', ({ sender }) => {
        // As RabbitMQ 4.2 does: an attach without a terminus, then a detach that says why.
        sender.close({ condition: 'amqp:not-found', description: 'no queue x' });
      }),
    async (connection) => {
      await assert.rejects(connection.openReceiver('/queues/x', never), {
        name: 'AmqpFailure',
        condition: 'amqp:not-found',
        message: 'no queue x',
      });
      await connection.openSender(undefined, never);
    },
  ));

test('a session that the broker ends instead is the same failure [M-41, messaging 4]', () =>
  withPeer(
    (container) =>
      container.on('sender_open', ({ session }) => {
        session.close({ condition: 'amqp:not-found', description: 'no queue y' });
      }),
    async (connection) => {
      await assert.rejects(connection.openReceiver('/queues/y', never), { condition: 'amqp:not-found' });
    },
  ));

test('a link that ends later is told once, with the reason [M-44, messaging 7 no. 1]', () => {
  let link: Sender | undefined;
  return withPeer(
    (container) =>
      container.on('sender_open', ({ sender }) => {
        sender.set_source({ address: sender.source.address });
        link = sender;
      }),
    async (connection) => {
      const reasons: AmqpFailure[] = [];
      await connection.openReceiver('/queues/x', { message: () => {}, ended: (reason) => reasons.push(reason) });
      link?.close({ condition: 'amqp:resource-deleted', description: 'deleted' });

      await eventually('the end', () => reasons.length === 1);
      for (let turns = 0; turns < 10; turns++) await turn();
      assert.deepEqual(
        reasons.map(({ condition }) => condition),
        ['amqp:resource-deleted'],
      );
    },
  );
});

test('a detach that crosses our end of the session is not answered', () =>
  withPeer(
    (container) => {
      let link: Sender | undefined;
      container.on('sender_open', ({ sender }) => {
        sender.set_source({ address: sender.source.address });
        link = sender;
      });
      container.on('receiver_open', ({ receiver }) => receiver.set_target({ address: '' }));
      container.on('session_close', () => link?.close({ condition: 'amqp:resource-deleted', description: 'deleted' }));
    },
    async (connection, peer) => {
      const ends: unknown[] = [];
      void connection.down.then((reason) => ends.push(reason));
      const receiver = await connection.openReceiver('/queues/x', never);

      receiver.end();
      for (let turns = 0; turns < 50; turns++) await turn();
      await connection.openSender(undefined, never);

      assert.deepEqual(ends, []);
      assert.equal(peer.connections.length, 1);
    },
  ));

test("a broker's Close ends the connection though rhea says no more of it [M-40, messaging 7 no. 2]", () =>
  withPeer(
    () => {},
    async (connection, peer) => {
      peer.connections[0]?.close({ condition: 'amqp:internal-error', description: "Connection forced: 'shutdown'" });

      const reason = await connection.down;

      assert.match(reason.message, /shutdown/);
      await assert.rejects(connection.openSender(undefined, never), AmqpFailure);
    },
  ));

test('a lost socket ends the connection, and what waits on it fails [M-40, M-41]', () =>
  withPeer(
    () => {},
    async (connection, peer) => {
      const opening = connection.openSender('/queues/never', never);
      peer.connections[0]?.['socket'].destroy();

      assert.ok((await connection.down) instanceof AmqpFailure);
      await assert.rejects(opening, AmqpFailure);
    },
  ));

test('no more than granted comes, though the broker counts from just below 2^32 [M-55, messaging 7 no. 3]', () => {
  const first = 4_294_967_291;
  let link: Sender | undefined;
  return withPeer(
    (container) =>
      container.on('sender_open', ({ sender }) => {
        sender.set_source({ address: sender.source.address });
        const raw = sender as unknown as {
          local: { attach: { initial_delivery_count: number } };
          delivery_count: number;
        };
        raw.local.attach.initial_delivery_count = first;
        let count = first;
        Object.defineProperty(sender, 'delivery_count', { get: () => count, set: (value) => (count = value >>> 0) });
        link = sender;
      }),
    async (connection) => {
      let came = 0;
      const receiver = await connection.openReceiver('/queues/x', { message: () => came++, ended: () => {} });
      const credit = () => (link as unknown as { credit: number }).credit;
      receiver.grant(3);
      await eventually('the credit', () => credit() > 0);
      assert.equal(credit(), 3);
      for (let sent = 0; sent < 3; sent++) link?.send({ body: dataSection(Buffer.from('x')) });
      await eventually('three', () => came === 3);

      receiver.grant(2);
      await eventually('the credit', () => credit() > 0);
      assert.equal(credit(), 2);
    },
  );
});

test('three thousand messages that nobody settles do not overflow a session [M-52, messaging 7 no. 6]', () =>
  withPeer(
    (container) =>
      container.on('receiver_open', ({ receiver }) => {
        receiver.set_target({ address: '' });
        receiver.add_credit(5000);
      }),
    async (connection) => {
      const sender = await connection.openSender(undefined, never);
      let sent = 0;
      for (let tries = 0; tries < 200; tries++) {
        while (sent < 3000 && sender.room) {
          sender.send({ to: '/queues/x', body: dataSection(Buffer.from('x')) }, () => {});
          sent += 1;
        }
        await turn();
      }

      assert.equal(sent, 2048, "the session's ring");
    },
  ));

test('a delivery that is parked does not stop another session [M-50, messaging 7 no. 5]', () => {
  const settled: Settlement[] = [];
  return withPeer(
    (container) => {
      container.on('receiver_open', ({ receiver }) => receiver.set_target({ address: receiver.target.address }));
      container.on('message', ({ message, delivery }: EventContext) => {
        if (message?.to !== '/queues/parked') delivery?.accept();
      });
    },
    async (connection) => {
      const parked = await connection.openSender('/queues/parked', never);
      const free = await connection.openSender('/queues/free', never);
      await eventually('credit', () => parked.room && free.room);
      parked.send({ to: '/queues/parked', body: dataSection(Buffer.from('x')) }, (outcome) => settled.push(outcome));
      for (let sent = 0; sent < 3000; ) {
        while (sent < 3000 && free.room) {
          free.send({ to: '/queues/free', body: dataSection(Buffer.from('x')) }, (outcome) => settled.push(outcome));
          sent += 1;
        }
        await turn();
      }

      await eventually('all free ones', () => settled.length === 3000);
    },
  );
});

test('a login with signs beyond ASCII is not cut short', () =>
  withPeer(
    () => {},
    async (connection) => {
      assert.equal(connection.product, 'RabbitMQ');
      assert.match(login.password, /ü/);
    },
  ));

test('the connection says who it is, and is asked for its virtual host [M-32, L-097, O-13]', async () => {
  const peer = await scriptedPeer({ product: 'RabbitMQ', version: '4.0.5' });
  const name = 'cinder-volume:7:abc';
  const options = { ...settings, host: peer.host, port: peer.port, name, virtualHost: 'osvh' };
  const connection = await dial(options, AbortSignal.timeout(10_000));
  const [there] = peer.connections;

  assert.deepEqual(
    [there?.container_id, there?.properties?.['connection_name'], there?.hostname],
    [name, name, 'vhost:osvh'],
  );
  assert.equal(there?.idle_time_out, 30_000);
  await connection.close();
  await peer.close();
});

test('empty frames keep a quiet connection alive, as often as the broker asks for them [O-13]', async () => {
  const announced = { idle_time_out: 1000 };
  const peer = await scriptedPeer({ product: 'RabbitMQ', version: '4.0.5' }, () => {}, announced);
  const connection = await dial({ ...settings, host: peer.host, port: peer.port }, AbortSignal.timeout(10_000));
  const read = (): number => peer.connections[0]?.['socket'].bytesRead;
  const before = read();
  const emptyFrame = 8;

  await eventually('three of them have come', () => read() >= before + 3 * emptyFrame);

  assert.equal((read() - before) % emptyFrame, 0, 'nothing else has come');
  await connection.close();
  await peer.close();
});

test('a listener that says nothing is given up after ten seconds [M-45, messaging 7 no. 10]', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.resume())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dialing = dial(
    { ...settings, host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    new AbortController().signal,
  );
  const failed = assert.rejects(dialing, /no answer within 10 seconds/);

  t.mock.timers.tick(10_000);
  await failed;

  t.mock.timers.reset();
  await eventually('the socket is closed', () => sockets.every(({ readableEnded }) => readableEnded));
  for (const socket of sockets) socket.destroy();
  server.close();
});

test('an abort ends a handshake at once, with its own reason [L-131, M-42]', async () => {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const abort = new AbortController();
  const reason = new Error('stop');
  const dialing = dial({ ...settings, host: '127.0.0.1', port: (server.address() as AddressInfo).port }, abort.signal);

  abort.abort(reason);

  await assert.rejects(dialing, reason);
  server.close();
});

test('nobody there, no such host, a port that is none: failures with the words of the system [messaging 6.2]', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const { signal } = new AbortController();

  await assert.rejects(dial({ ...settings, host: '127.0.0.1', port }, signal), /ECONNREFUSED/);
  await assert.rejects(dial({ ...settings, host: 'no-such-host.invalid', port }, signal), AmqpFailure);
  await assert.rejects(dial({ ...settings, host: '127.0.0.1', port: 70_000 }, signal), /port/i);
});
