import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outgoing, SenderLink, Settlement } from '../../src/messaging/amqp.ts';
import { dialectOf } from '../../src/messaging/dialects.ts';
import { type Publication, type Published, Publisher, type Terms } from '../../src/messaging/publisher.ts';

const store = dialectOf({ product: 'RabbitMQ', version: '4.0.5' });
const router = dialectOf({ product: 'volume-daemon', version: '1.0' });

/** A sender whose outcomes are in the hands of the test. */
class HandLink implements SenderLink {
  readonly sent: Outgoing[] = [];
  readonly outcomes: ((settlement: Settlement) => void)[] = [];
  room = true;
  maxMessage = 0;
  ended = false;

  send(message: Outgoing, settled: (settlement: Settlement) => void): void {
    this.sent.push(message);
    this.outcomes.push(settled);
  }

  end(): void {
    this.ended = true;
  }
}

function aPublisher(declare: (exchange: string) => Promise<void> = async () => {}): Publisher {
  return new Publisher({ declareExchange: declare, hasQueue: async () => true }, 60_000);
}

function message(size = 10, exchange = 'openstack'): Publication {
  return { to: { exchange, key: 'k' }, body: Buffer.alloc(size) };
}

const terms: Terms = { within: 60_000, again: true };

/** What a promise came to, or `open`. */
async function stateOf(promise: Promise<Published>): Promise<Published | 'open'> {
  for (let turns = 0; turns < 5; turns++) await turn();
  return Promise.race([promise, Promise.resolve('open' as const)]);
}

test('what is published without a connection waits for one [M-52, M-53]', async () => {
  const publisher = aPublisher();
  const link = new HandLink();
  const published = publisher.publish(message(), terms);
  assert.equal(await stateOf(published), 'open');

  publisher.attach(link, store);
  link.outcomes[0]?.({ outcome: 'accepted' });

  assert.deepEqual(await published, { outcome: 'accepted' });
  publisher.close('end');
});

test('messages bear what peers need to read them, and a time to live only where it is theirs [M-20, M-21]', () => {
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, store);
  void publisher.publish(message(), terms);
  void publisher.publish({ ...message(), ttl: 2000 }, terms);

  const [cast, call] = link.sent;
  const { durable, content_type, content_encoding, to } = cast ?? { body: undefined };
  assert.deepEqual(
    [durable, content_type, content_encoding, to],
    [true, 'application/json', 'utf-8', '/exchanges/openstack/k'],
  );
  assert.deepEqual([cast?.ttl, call?.ttl], [undefined, 2000]);
  publisher.close('end');
});

test('through a router everything has a time to live, of the response timeout at most [M-63]', () => {
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, router);
  void publisher.publish(message(), { within: 600_000, again: true });
  void publisher.publish(message(), { within: 3000, again: true });
  void publisher.publish({ ...message(), ttl: 500 }, terms);

  const [long, short, call] = link.sent.map(({ ttl }) => ttl ?? 0);
  assert.equal(long, 60_000);
  assert.ok((short ?? 0) > 2000 && (short ?? 0) <= 3000);
  assert.equal(call, 500);
  publisher.close('end');
});

test('in doubt: sent again over the next connection, first things first, if its terms say so [M-43]', async () => {
  const publisher = aPublisher();
  const [before, after] = [new HandLink(), new HandLink()];
  publisher.attach(before, store);
  const first = publisher.publish(message(1), terms);
  const report = publisher.publish(message(2), { within: 60_000, again: false });
  const second = publisher.publish(message(3), terms);
  before.room = false;
  const third = publisher.publish(message(4), terms);

  publisher.detach('the connection was lost');
  assert.deepEqual(await report, { outcome: 'unknown', reason: 'the connection was lost' });
  publisher.attach(after, store);
  before.outcomes[0]?.({ outcome: 'released' });

  assert.equal(await stateOf(first), 'open', 'an outcome over the lost connection counts no more');
  for (const settled of after.outcomes) settled({ outcome: 'accepted' });
  assert.deepEqual(await Promise.all([first, second, third]), Array(3).fill({ outcome: 'accepted' }));
  const sizes = after.sent.map(({ body }) => (body as { content: Buffer }).content.length);
  assert.deepEqual(sizes, [1, 3, 4]);
  publisher.close('end');
});

test('what is worth sending now or never is not kept [M-53]', async () => {
  const publisher = aPublisher();
  const now: Terms = { within: 60_000, again: false, nowOrNever: true };
  assert.equal((await publisher.publish(message(), now)).outcome, 'unsent');

  publisher.attach(new HandLink(), store);
  void publisher.publish(message(10 * 2 ** 20), terms);
  void publisher.publish(message(6 * 2 ** 20), terms);
  assert.deepEqual(await publisher.publish(message(), now), { outcome: 'unsent', reason: 'the publish queue is full' });
  publisher.close('end');
});

test('no more than 16 MiB are under way at once, a larger message goes alone [M-53]', () => {
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, store);
  void publisher.publish(message(40 * 2 ** 20), terms);
  for (let count = 0; count < 5; count++) void publisher.publish(message(6 * 2 ** 20), terms);
  assert.equal(link.sent.length, 1);

  link.outcomes[0]?.({ outcome: 'accepted' });
  assert.equal(link.sent.length, 3);
  link.outcomes[1]?.({ outcome: 'accepted' });
  assert.equal(link.sent.length, 4);
  publisher.close('end');
});

test('every publication ends within its time, sent or not [M-52]', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const pass = (ms: number): void => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, store);
  const sent = publisher.publish(message(), { within: 1000, again: true });
  link.room = false;
  const waiting = publisher.publish(message(), { within: 2000, again: true });

  pass(1000);
  assert.equal((await sent).outcome, 'unknown');
  pass(1000);
  assert.equal((await waiting).outcome, 'unsent');
  link.outcomes[0]?.({ outcome: 'accepted' });
  assert.equal(publisher.pending, 0);
});

test('outcomes that never come do not fill the session for ever [M-52]', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, store);
  for (let count = 0; count < 1001; count++) void publisher.publish(message(), { within: 100, again: true });

  now += 100;
  t.mock.timers.tick(100);

  assert.equal(link.ended, true, 'its session is renewed');
});

test('a missing exchange is declared once, and the message sent once more [M-51]', async () => {
  const declared: string[] = [];
  const publisher = aPublisher(async (exchange) => {
    declared.push(exchange);
  });
  const link = new HandLink();
  const missing: Settlement = { outcome: 'rejected', condition: 'amqp:not-found', reason: 'no exchange' };
  publisher.attach(link, store);
  const published = publisher.publish(message(1, 'x_fanout'), terms);

  link.outcomes[0]?.(missing);
  await stateOf(published);
  link.outcomes[1]?.(missing);

  assert.deepEqual(await published, { outcome: 'rejected', reason: 'no exchange' });
  assert.deepEqual([declared, link.sent.length], [['x_fanout'], 2]);
  publisher.close('end');
});

test('what cannot be written is rejected, and nothing behind it waits [M-28, M-52]', async () => {
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, store);
  const unspeakable = publisher.publish({ to: { exchange: '', key: '\ud800' }, body: Buffer.alloc(1) }, terms);
  const next = publisher.publish(message(), terms);
  link.outcomes[0]?.({ outcome: 'accepted' });

  assert.match(JSON.stringify(await unspeakable), /rejected.*malformed/);
  assert.deepEqual(await next, { outcome: 'accepted' });
  assert.equal(publisher.pending, 0);
  publisher.close('end');
});

test('what the broker takes no more of is rejected here, and nothing behind it waits', async () => {
  const publisher = aPublisher();
  const link = new HandLink();
  link.maxMessage = 100_000;
  publisher.attach(link, store);

  const [large, small] = [publisher.publish(message(100_000), terms), publisher.publish(message(), terms)];
  link.outcomes[0]?.({ outcome: 'accepted' });

  assert.match(JSON.stringify(await large), /rejected.*100000 bytes, the broker takes 100000/);
  assert.deepEqual(await small, { outcome: 'accepted' });
  publisher.close('end');
});

test('flush waits for what is under way, close ends what is left', async () => {
  const publisher = aPublisher();
  const link = new HandLink();
  publisher.attach(link, store);
  const published = publisher.publish(message(), terms);
  const flushed = publisher.flush(60_000);
  link.outcomes[0]?.({ outcome: 'accepted' });
  await Promise.all([flushed, published]);

  link.room = false;
  const left = [publisher.publish(message(), terms)];
  await publisher.flush(1);
  publisher.close('the transport was closed');
  assert.deepEqual(await Promise.all(left), [{ outcome: 'unsent', reason: 'the transport was closed' }]);
});
