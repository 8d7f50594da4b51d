import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { decodeEnvelope } from '../../src/messaging/envelope.ts';
import type { Publication, Published, Terms } from '../../src/messaging/publisher.ts';
import { Replies } from '../../src/messaging/replies.ts';
import { InvalidVolume } from '../../src/objects/exceptions.ts';
import { eventually } from '../support/eventually.ts';
import { recordedLogs } from '../support/logs.ts';

const address = { queue: 'reply_a', msgId: 'm', timeout: null };

/** A transport whose outcomes are given one after the other, the last one for good. */
function transportOf(...outcomes: Published[]) {
  const sent: { publication: Publication; terms: Terms }[] = [];
  return {
    sent,
    async publish(publication: Publication, terms: Terms): Promise<Published> {
      sent.push({ publication, terms });
      return outcomes[Math.min(sent.length, outcomes.length) - 1] ?? { outcome: 'accepted' };
    },
  };
}

test('an answer is computed once and sent again with the same id while its queue is missing [R-19, M-51]', async () => {
  const transport = transportOf({ outcome: 'released' }, { outcome: 'released' }, { outcome: 'accepted' });
  const replies = new Replies(transport, (text) => text, silent, 5000);

  await replies.send(address, { result: { a: 1 } }, new AbortController().signal);

  assert.equal(transport.sent.length, 3);
  assert.equal(new Set(transport.sent.map(({ publication }) => publication.body)).size, 1);
  const { _unique_id: id, ...fields } = decodeEnvelope(transport.sent[0]?.publication.body ?? Buffer.alloc(0));
  assert.deepEqual(fields, { result: { a: 1 }, failure: null, ending: true, _msg_id: 'm' });
  assert.match(String(id), /^[0-9a-f]{32}$/);
  assert.deepEqual(transport.sent[0]?.publication.to, { exchange: '', key: 'reply_a' });
  assert.equal(transport.sent[0]?.terms.again, true);
});

test('a queue that stays away is given up, and spared for a minute [M-51]', async () => {
  const transport = transportOf({ outcome: 'released' });
  const replies = new Replies(transport, (text) => text, silent, 300);
  const { signal } = new AbortController();

  await replies.send(address, { result: 1 }, signal);
  const tries = transport.sent.length;
  await replies.send(address, { result: 2 }, signal);
  await replies.send({ ...address, queue: 'reply_b' }, { result: 3 }, signal);

  assert.ok(tries >= 1 && tries <= 3);
  assert.deepEqual(transport.sent.slice(tries).map(({ publication }) => publication.to.key)[0], 'reply_b');
});

test("few wait for queues that are nobody's; the rest is given up at once, and another is answered [M-28, M-51]", async () => {
  const tries: string[] = [];
  const transport = {
    async publish({ to }: Publication): Promise<Published> {
      tries.push(to.key);
      return { outcome: to.key === 'reply_a' ? 'accepted' : 'released' };
    },
  };
  const { logs, at } = recordedLogs();
  const replies = new Replies(transport, (text) => text, logs('x'), 60_000);
  const abort = new AbortController();
  const asked = Array.from({ length: 1000 }, (_, at) => ({ ...address, queue: `nobody_${at}` }));
  const sending = asked.map((reply) => replies.send(reply, { result: 1 }, abort.signal));

  await Promise.all(sending.slice(256));
  assert.equal(at('WARNING').length, 744);
  await replies.send(address, { result: 2 }, abort.signal);
  await eventually('those that wait are tried again', () => tries.filter((key) => key === 'nobody_0').length > 1);
  assert.equal(tries.filter((key) => key === 'nobody_999').length, 1);
  abort.abort();
  await Promise.all(sending);
  assert.equal(at('WARNING').length, 744);
});

test('a stop ends the tries [R-14]', async () => {
  const transport = transportOf({ outcome: 'released' });
  const replies = new Replies(transport, (text) => text, silent, 60_000);
  const abort = new AbortController();
  const sending = replies.send(address, { result: 1 }, abort.signal);

  abort.abort();

  await sending;
});

test('a failure is answered as one, masked [M-22, G-090]', async () => {
  const transport = transportOf();
  const replies = new Replies(transport, (text) => text.replace('canary', '***'), silent, 1000);

  await replies.send(address, { failure: new InvalidVolume({ reason: 'canary' }) }, new AbortController().signal);

  const { failure, result } = decodeEnvelope(transport.sent[0]?.publication.body ?? Buffer.alloc(0));
  assert.equal(result, null);
  assert.deepEqual([JSON.parse(String(failure)).class, String(failure).includes('canary')], ['InvalidVolume', false]);
});

test('signs of life come twice in the time that the caller waits, not for less than a second [M-23]', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const transport = transportOf();
  const replies = new Replies(transport, (text) => text, silent, 1000);

  const stop = replies.keepAlive({ ...address, timeout: 10 });
  t.mock.timers.tick(20_000);
  stop();
  t.mock.timers.tick(20_000);
  assert.equal(transport.sent.length, 4);
  assert.equal(decodeEnvelope(transport.sent[0]?.publication.body ?? Buffer.alloc(0))['ending'], false);

  for (const timeout of [null, 0, 1.9, -5]) replies.keepAlive({ ...address, timeout });
  t.mock.timers.tick(20_000);
  assert.equal(transport.sent.length, 4);
});

test('a caller that claims to wait for ever is not told a thousand times a second [M-23, M-28]', async () => {
  const transport = transportOf({ outcome: 'accepted' });
  const replies = new Replies(transport, (text) => text, silent, 5000);

  const ends = [1e308, Number.POSITIVE_INFINITY, 2 ** 31].map((timeout) => replies.keepAlive({ ...address, timeout }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  for (const end of ends) end();

  assert.deepEqual(transport.sent, []);
});
