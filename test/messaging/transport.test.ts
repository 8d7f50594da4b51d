import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { transportSettings } from '../../src/messaging/connection-plan.ts';
import type { Published } from '../../src/messaging/publisher.ts';
import { openTransport, Transport, type TransportEvent } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { eventually } from '../support/eventually.ts';
import { aQueue, Listener } from '../support/listener.ts';
import { recordedLogs } from '../support/logs.ts';
import { aBroker, addressOf, aTransport, login, rabbitPresets, rpcPresets, settingsFor } from '../support/messaging.ts';
import { scriptedPeer } from '../support/scripted-peer.ts';

const quick = { retry: { first: 5, most: 20 } };

function send(transport: Transport, queue: string, text: string, within = 10_000): Promise<Published> {
  return transport.publish({ to: { exchange: '', key: queue }, body: Buffer.from(text) }, { within, again: true });
}

/** A port of loopback where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

test('a broker that comes back finds everything again: queues, consumers, and what was in doubt [M-14, M-43, M-46]', async () => {
  const { logs, at } = recordedLogs();
  const before = await aBroker();
  const { port } = before;
  const transport = await aTransport(before, { ...quick, logs });
  const events: TransportEvent[] = [];
  transport.onEvent((event) => events.push(event));
  const listener = await Listener.on(transport, aQueue('q'), 'q', 10);
  const inDoubt = send(transport, 'q', 'in doubt');
  await listener.have(1);

  await before.close();
  await eventually('it is seen', () => !transport.connected);
  const meanwhile = send(transport, 'q', 'meanwhile');
  const after = await aBroker({ port });
  await listener.have(3);
  for (const message of listener.messages) message.accept();

  assert.deepEqual([await inDoubt, await meanwhile], [{ outcome: 'accepted' }, { outcome: 'accepted' }]);
  assert.deepEqual(listener.texts, ['in doubt', 'in doubt', 'meanwhile']);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['down', 'up'],
  );
  assert.match(
    at('ERROR')[0] ?? '',
    /^\[cinder-volume:\d+:[0-9a-f-]{36}\] AMQP server on 127\.0\.0\.1:\d+ is unreachable: .+\. Trying again in 1 seconds\.$/,
  );
  assert.match(
    at('INFO')[0] ?? '',
    /^\[.+\] Reconnected to AMQP server on 127\.0\.0\.1:\d+ via \[amqp\] client with port \d+\.$/,
  );
  await transport.close(0);
  await after.close();
});

test('a long outage is told at its start and at its end, not at each try [G-062, M-46]', async () => {
  const { logs, lines } = recordedLogs();
  const before = await aBroker();
  const { port } = before;
  const transport = await aTransport(before, { retry: { first: 1, most: 1 }, logs });
  await before.close();
  const tries = (): number => lines.filter(({ text }) => text.includes('Connecting')).length;
  await eventually('thirty tries', () => tries() > 30);
  const after = await aBroker({ port });
  await eventually('it is back', () => transport.connected);

  const told = lines.filter(({ level }) => level !== 'DEBUG').map(({ level }) => level);
  assert.ok(told.length <= 4, told.join());
  assert.equal(told.at(-1), 'INFO');
  await transport.close(0);
  await after.close();
});

test('opening waits for a broker that is not there yet [L-131, messaging 6.2]', async () => {
  const { logs, at } = recordedLogs();
  const port = await deadPort();
  const opening = openTransport(
    settingsFor({ host: '127.0.0.1', port }, { ...quick, logs }),
    AbortSignal.timeout(10_000),
  );
  await eventually('a failure is told', () => at('ERROR').length === 1);
  const broker = await aBroker({ port });

  const transport = await opening;

  assert.equal(transport.connected, true);
  assert.match(
    at('ERROR')[0] ?? '',
    /^Connection failed: 127\.0\.0\.1:\d+: .*ECONNREFUSED.* \(retrying in 1 seconds\)$/,
  );
  await transport.close(0);
  await broker.close();
});

test('an abort while opening ends it at once, and says what was wrong [L-131, M-42]', async () => {
  const { logs, at } = recordedLogs();
  const abort = new AbortController();
  const settings = settingsFor(
    { host: '127.0.0.1', port: await deadPort() },
    { retry: { first: 60_000, most: 60_000 }, logs },
  );
  const opening = openTransport(settings, abort.signal);
  await eventually('a failure is told', () => at('ERROR').length === 1);

  abort.abort();

  await assert.rejects(
    opening,
    (error: Error) => /not connected/.test(error.message) && /ECONNREFUSED/.test(String(error.cause)),
  );
});

test('a close ends an opening at any of its moments [L-131, L-177]', async () => {
  const broker = await aBroker();

  for (let ms = 0; ms < 40; ms += 2) {
    const transport = new Transport(settingsFor(broker));
    await sleep(ms);
    const stuck = sleep(5000, 'stuck', { ref: false });
    assert.equal(await Promise.race([transport.close(0).then(() => 'closed'), stuck]), 'closed', `after ${ms} ms`);
  }

  await broker.close();
});

test('of several hosts the next one is taken when one is dead [messaging 5, M-45]', async () => {
  const broker = await aBroker();
  const dead = addressOf({ host: '127.0.0.1', port: await deadPort() });
  const brokers = [dead, addressOf(broker), { ...dead, host: 'no-such-host.invalid' }];

  const transport = await aTransport(broker, { ...quick, brokers });

  assert.equal(transport.connected, true);
  await transport.close(0);
  await broker.close();
});

test('a broker that closes with an internal error is connected to again [M-40, messaging 7 no. 2]', async () => {
  const broker = await aBroker();
  const transport = await aTransport(broker, quick);
  const reasons: string[] = [];
  transport.onEvent((event) => event.type === 'down' && reasons.push(event.reason));
  const { port } = broker;

  await broker.close();
  const after = await aBroker({ port });
  await eventually('it is back', () => reasons.length === 1 && transport.connected);

  assert.match(reasons[0] ?? '', /the broker is stopping/);
  await transport.close(0);
  await after.close();
});

test('a wrong password is told with the user, never with the password [M-39, O-26]', async () => {
  const { logs, lines, at } = recordedLogs();
  const broker = await aBroker();
  const brokers = [{ ...addressOf(broker), password: 'canary' }];

  await assert.rejects(openTransport(settingsFor(broker, { brokers, logs }), AbortSignal.timeout(200)));

  assert.match(at('ERROR')[0] ?? '', /login of user 'cinder' was refused/);
  assert.ok(lines.every(({ text }) => !text.includes('canary')));
  await broker.close();
});

test('a broker that nobody here can speak to is named, and left alone [M-01]', async () => {
  for (const [product, version] of [
    ['ActiveMQ', '6.1.0'],
    ['RabbitMQ', '2.8.7'],
    ['', ''],
  ] as const) {
    const { logs, at } = recordedLogs();
    const peer = await scriptedPeer({ product, version });

    await assert.rejects(openTransport(settingsFor(peer, { ...quick, logs }), AbortSignal.timeout(200)));

    assert.ok(
      at('ERROR').length === 1 && at('ERROR')[0]?.includes(`${product || 'of no name'} ${version}`),
      at('ERROR').join(),
    );
    await peer.close();
  }
});

test('RabbitMQ 3.x without its plug-in is told with the remedy [M-31]', async () => {
  const { logs, at } = recordedLogs();
  const server = createServer((socket) =>
    socket.on('error', () => {}).end(Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  await assert.rejects(openTransport(settingsFor({ host: '127.0.0.1', port }, { logs }), AbortSignal.timeout(200)));

  assert.match(at('ERROR')[0] ?? '', /rabbitmq-plugins enable rabbitmq_amqp1_0/);
  server.close();
});

test('what is published is flushed when the transport closes; what is left is told to its sender', async () => {
  const broker = await aBroker();
  const [transport, other] = [await aTransport(broker), await aTransport(broker)];
  const listener = await Listener.on(other, aQueue('q'), 'q', 10, (message) => message.accept());
  await Listener.on(other, aQueue('idle'), 'idle', 0);
  const [taken, left] = [send(transport, 'q', 'x'), send(transport, 'idle', 'y')];

  await transport.close(100);

  assert.deepEqual(await taken, { outcome: 'accepted' });
  assert.equal((await left).outcome, 'unknown');
  assert.equal(listener.messages.length, 1);
  assert.equal((await send(transport, 'q', 'z')).outcome, 'unsent');
  await other.close(0);
  await broker.close();
});

test('settings follow URL and options: credentials, heartbeat, login method, pauses [messaging 5]', () => {
  const rabbit = {
    ...rabbitPresets,
    heartbeat_timeout_threshold: 20,
    rabbit_retry_interval: 3,
    rabbit_login_method: 'EXTERNAL',
  } as const;
  const sources = { rabbit, rpc: rpcPresets, program: 'p', logs: recordedLogs().logs };
  const of = (url: string) => transportSettings({ ...sources, url: parseTransportUrl(url) });

  const { brokers, idleTimeout, external, retry, virtualHost } = of('rabbit://');
  assert.deepEqual(brokers, [{ host: 'localhost', port: 5672, user: 'guest', password: 'guest' }]);
  assert.deepEqual([idleTimeout, external, virtualHost], [10_000, true, '/']);
  assert.deepEqual(retry, { first: 3000, factor: 2, most: 30_000, spread: 1000 });
  assert.equal(of('rabbit://h/?heartbeat_timeout_threshold=0').idleTimeout, 0);
  assert.deepEqual(
    of('rabbit://u:p@a,u:p@b:1/v').brokers.map(({ host, port }) => `${host}:${port}`),
    ['a:5672', 'b:1'],
  );
  assert.throws(() => of('embedded://'), /not running/);
  assert.throws(() => of('fake://'), /fake/);
  assert.equal(
    transportSettings({ ...sources, url: parseTransportUrl('embedded://'), embedded: { host: 'h', port: 1, ...login } })
      .brokers[0]?.host,
    'h',
  );
});

test('a certificate that cannot be read is an error that names option and file [C-031, M-35]', async () => {
  const tls = { ...rabbitPresets, ssl_ca_file: '/nowhere/ca.pem' };
  const settings = settingsFor({ host: '127.0.0.1', port: 1 }, { tls });

  await assert.rejects(
    openTransport(settings, AbortSignal.timeout(1000)),
    /ssl_ca_file: '\/nowhere\/ca\.pem' cannot be read/,
  );
  const version = settingsFor({ host: '127.0.0.1', port: 1 }, { tls: { ...rabbitPresets, ssl_version: 'SSL9' } });
  await assert.rejects(openTransport(version, AbortSignal.timeout(1000)), /ssl_version: expected TLSv1/);
});
