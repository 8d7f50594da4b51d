import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CinderError } from '../../src/base/errors.ts';
import { dispatcher } from '../../src/messaging/dispatcher.ts';
import { BadMessage, decodeEnvelope, requestOf } from '../../src/messaging/envelope.ts';
import { decodeFailure } from '../../src/messaging/failure.ts';
import { decodingEndpoint } from '../support/decoding-endpoint.ts';
import { heap } from '../support/heap.ts';
import { seeded } from '../support/seeded.ts';
import { capturedMessages } from '../support/wire.ts';

type Random = () => number;

const tokens = [
  'null',
  '[]',
  '{}',
  '""',
  '-1',
  '1e400',
  'true',
  '"\\ud800"',
  '[[[[',
  '}}}}',
  '"__proto__":',
  '\\u0000',
  '\\"',
];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** One to four changes: bytes flipped, cut, doubled, or replaced by what means something to JSON. */
function mutated(random: Random, body: Buffer): Buffer {
  let bytes = Buffer.from(body);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const at = Math.floor(random() * bytes.length);
    const to = Math.min(bytes.length, at + Math.floor(random() * 40));
    const middle = pick(random, [
      () => Buffer.from([Math.floor(random() * 256)]),
      () => Buffer.alloc(0),
      () => Buffer.concat([bytes.subarray(at, to), bytes.subarray(at, to)]),
      () => Buffer.from(pick(random, tokens)),
      () => Buffer.from(pick(random, tokens).replaceAll('"', '\\"')),
    ])();
    bytes = Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(to)]);
  }
  return bytes;
}

/** The same with the values of the inner message changed in kind, so that the envelope stays whole. */
function twisted(random: Random, value: unknown, depth = 0): unknown {
  if (random() < 0.03)
    return pick<unknown>(random, [null, 1, -1.5, '', 'x'.repeat(300), true, [], {}, [[]], { a: { b: [] } }]);
  if (Array.isArray(value)) return value.map((item) => twisted(random, item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [random() < 0.01 ? `${key}x` : key, twisted(random, item, depth + 1)]),
  );
}

test('20,000 mutated messages are read or refused, never anything else, and leave no memory behind [M-28, R-11]', (t) => {
  const random = seeded(t);
  const captures = capturedMessages().filter(
    ({ message }) => typeof message['method'] === 'string' || 'failure' in message,
  );
  const bodies = captures.map(({ body }) => Buffer.from(body));
  const dispatch = dispatcher(decodingEndpoint(captures.map(({ message }) => String(message['method']))), {
    ping: true,
  });
  const seen = { served: 0, refused: 0, bad: 0 };
  const feed = (body: Buffer): void => {
    try {
      const message = decodeEnvelope(body);
      if (message['failure'] !== undefined) decodeFailure(message['failure']);
      const request = requestOf(message);
      dispatch(request).request(request.context, request.args);
      seen.served += 1;
    } catch (error) {
      if (error instanceof BadMessage) seen.bad += 1;
      else if (error instanceof CinderError) seen.refused += 1;
      else throw error;
    }
  };
  const one = (): void => {
    const at = Math.floor(random() * bodies.length);
    if (random() < 0.5) feed(mutated(random, bodies[at] ?? Buffer.alloc(0)));
    else
      feed(
        Buffer.from(
          JSON.stringify({
            'oslo.version': '2.0',
            'oslo.message': JSON.stringify(twisted(random, captures[at]?.message)),
          }),
        ),
      );
  };

  for (let count = 0; count < 2000; count++) one();
  const before = heap();
  for (let count = 0; count < 18_000; count++) one();
  const grown = heap() - before;

  assert.ok(seen.served > 1000 && seen.refused > 1000 && seen.bad > 1000, JSON.stringify(seen));
  assert.ok(grown < 5 * 2 ** 20, `${Math.round(grown / 1024)} KiB more`);
});
