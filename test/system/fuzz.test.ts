import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CinderError } from '../../src/base/errors.ts';
import { dispatcher } from '../../src/messaging/dispatcher.ts';
import { BadMessage, decodeEnvelope, requestOf } from '../../src/messaging/envelope.ts';
import { decodingEndpoint } from '../support/decoding-endpoint.ts';
import { heap } from '../support/heap.ts';
import { HostileMessages } from '../support/hostile.ts';
import { seeded } from '../support/seeded.ts';

const count = Number(process.env['FUZZ'] ?? 200_000);

/** Processor time that one message may take, its making included, in microseconds. */
const bound = 300;

/** FUZZ=1000000 for as many as a day's work brings. */
test('hostile messages by the hundred thousand are read or refused, never anything else, in bounded time and memory [M-28, R-11]', (t) => {
  const messages = new HostileMessages(seeded(t));
  const dispatch = dispatcher(decodingEndpoint(messages.methods), { ping: true });
  const seen = { served: 0, refused: 0, bad: 0 };
  const one = (): void => {
    try {
      const request = requestOf(decodeEnvelope(messages.next()));
      dispatch(request).request(request.context, request.args);
      seen.served += 1;
    } catch (error) {
      if (error instanceof BadMessage) seen.bad += 1;
      else if (error instanceof CinderError) seen.refused += 1;
      else throw error;
    }
  };

  for (let at = 0; at < 5000; at++) one();
  const before = heap();
  const begun = process.cpuUsage();
  for (let at = 0; at < count; at++) one();
  const { user, system } = process.cpuUsage(begun);
  const grown = heap() - before;

  t.diagnostic(
    `${JSON.stringify(seen)}, ${((user + system) / count).toFixed(1)} µs a message, ${Math.round(grown / 1024)} KiB more`,
  );
  assert.ok(seen.served > count / 20 && seen.refused > count / 20 && seen.bad > count / 50, JSON.stringify(seen));
  assert.ok(grown < 5 * 2 ** 20, `${Math.round(grown / 1024)} KiB more`);
  assert.ok((user + system) / count < bound, `${(user + system) / count} µs a message`);
});
