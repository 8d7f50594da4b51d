import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Noise } from '../../src/log/noise.ts';
import { Outages } from '../../src/log/outages.ts';
import { RateLimit, rateLimitOf } from '../../src/log/rate-limit.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { Repeats } from '../../src/log/repeats.ts';
import { Stacks } from '../../src/log/stacks.ts';
import { aRecord } from '../support/log-record.ts';
import { logValues } from '../support/log-values.ts';

/** A clock that moves with the timers of the test. */
function fakeTime(t: TestContext): { now: () => number; pass: (ms: number) => void } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let time = 0;
  return {
    now: () => time,
    pass(ms) {
      for (let step = 0; step < ms; step += 100) {
        time += 100;
        t.mock.timers.tick(100);
      }
    },
  };
}

const messageOf = (record: LogRecord | undefined): string | undefined => record?.message;

test('after a burst one line says that records are dropped, until the interval ends [G-060, O-21]', () => {
  let now = 0;
  const limit = new RateLimit({ burst: 2, interval: 10, exceptLevel: 50 }, () => now);
  const pass = (level: LogRecord['level']): string | undefined => messageOf(limit.filter(aRecord({ level })));

  assert.deepEqual([pass('INFO'), pass('ERROR')], ['text', 'text']);
  const said = limit.filter(aRecord({ level: 'DEBUG', thrown: new Error('x') }));
  assert.equal(said?.message, 'Logging rate limit: drop after 2 records/10 sec');
  assert.deepEqual([said?.level, said?.levelno, said?.name, said?.error], ['ERROR', 40, 'root', undefined]);
  assert.equal(pass('ERROR'), undefined);
  assert.equal(pass('CRITICAL'), 'text');
  now = 10_000;
  assert.equal(pass('INFO'), 'text');
});

test('the rate limit is off by default, and refuses a level that there is not [G-060]', () => {
  const options = { rate_limit_burst: 1, rate_limit_interval: 1 };

  assert.equal(rateLimitOf(logValues()), undefined);
  assert.equal(rateLimitOf(logValues({ ...options, rate_limit_burst: 0 })), undefined);
  assert.equal(rateLimitOf(logValues(options))?.exceptLevel, 50);
  assert.equal(
    rateLimitOf(logValues({ ...options, rate_limit_except_level: '' }))?.exceptLevel,
    Number.POSITIVE_INFINITY,
  );
  assert.throws(() => rateLimitOf(logValues({ ...options, rate_limit_except_level: 'LOUD' })), {
    name: 'LogError',
    message: "rate_limit_except_level: invalid log level name: 'LOUD'",
  });
});

test('the fourth repetition and those after it are summed up at the end of the interval [G-061, O-19]', (t) => {
  const { now, pass } = fakeTime(t);
  const sums: LogRecord[] = [];
  const repeats = new Repeats(60, (sum) => sums.push(sum), now);
  const log = (value: number): string | undefined =>
    messageOf(repeats.filter(aRecord({ level: 'ERROR', template: 'try %d', values: [value] })));

  assert.deepEqual([1, 2, 3, 4, 5].map(log), ['try 1', 'try 2', 'try 3', undefined, undefined]);
  assert.equal(sums.length, 0);
  pass(60_000);
  assert.deepEqual(sums.map(messageOf), ['try 5 (repeated 2 times in the last 60 s)']);
  assert.equal(sums[0]?.template, 'try %d (repeated %d times in the last %d s)');
  assert.deepEqual(sums[0]?.values, [5, 2, 60]);

  assert.equal(log(6), undefined, 'it goes on: only the sum is written');
  pass(60_000);
  assert.equal(messageOf(sums[1]), 'try 6 (repeated 1 times in the last 60 s)');
  pass(60_000);
  assert.equal(log(7), 'try 7', 'after a quiet interval it is new');
  assert.equal(sums.length, 2);
});

test('what is below WARNING, about another resource, of another logger, or a lifecycle line is no repetition [G-061]', (t) => {
  const { now } = fakeTime(t);
  const repeats = new Repeats(60, () => {}, now);
  const passes = (change: (round: number) => Partial<LogRecord>): number =>
    [1, 2, 3, 4, 5].filter((round) => repeats.filter(aRecord({ level: 'ERROR', ...change(round) }))).length;

  assert.equal(
    passes(() => ({ level: 'INFO' })),
    5,
  );
  assert.equal(
    passes((round) => ({ resource: `v${round}` })),
    5,
  );
  assert.equal(
    passes((round) => ({ name: `logger.${round}` })),
    5,
  );
  assert.equal(
    passes(() => ({ template: 'lifecycle', event: 'child.exited' })),
    5,
  );
  assert.equal(
    passes(() => ({ template: 'again' })),
    3,
  );
});

test('sums are not lost at the end [G-061, L-024]', (t) => {
  const { now, pass } = fakeTime(t);
  const sums: LogRecord[] = [];
  const repeats = new Repeats(60, (sum) => sums.push(sum), now);
  for (let round = 0; round < 10; round++) repeats.filter(aRecord({ level: 'WARNING' }));
  pass(5000);

  repeats.flush();
  repeats.close();
  pass(120_000);

  assert.deepEqual(sums.map(messageOf), ['text (repeated 7 times in the last 5 s)']);
});

test('records of many kinds do not pile up', () => {
  let now = 0;
  const repeats = new Repeats(
    60,
    () => {},
    () => now,
  );
  const before = process.memoryUsage().heapUsed;
  for (let kind = 0; kind < 50_000; kind++, now += 200) {
    repeats.filter({ ...aRecord({ level: 'ERROR' }), template: `kind ${kind} ${'x'.repeat(500)}` });
  }

  assert.ok(process.memoryUsage().heapUsed - before < 20_000_000);
});

test('the stack of an error is shown once, later lines have the count [G-064]', () => {
  let now = 0;
  const stacks = new Stacks(() => now);
  const log = (text: string, name = 'Failed to initialize driver.'): LogRecord => {
    const thrown = new Error(text);
    thrown.stack = 'x\n    at setup (driver.js:1:1)';
    return stacks.filter(aRecord({ level: 'ERROR', template: name, thrown }));
  };

  assert.equal(log('no group').error?.lines.length, 2);
  const again = log('no group');
  assert.deepEqual(again.error?.lines, []);
  assert.equal(again.message, 'Failed to initialize driver. (2 times so far)');
  assert.equal(again.error?.summary, 'Error: no group');
  assert.equal(log('another error').error?.lines.length, 2);
  assert.equal(log('no group', 'Elsewhere.').error?.lines.length, 2);
  now = 10 * 60_000;
  assert.equal(log('no group').error?.lines.length, 2, 'after ten quiet minutes it is new');
});

test('an outage has twenty lines a minute and one stack, and ends when somebody says so [G-062, O-19]', (t) => {
  const { now, pass } = fakeTime(t);
  const written: LogRecord[] = [];
  const outages = new Outages((sum) => written.push(sum), now);
  const log = (change: Partial<LogRecord> & { thrown?: unknown }): void => {
    const passed = outages.filter(aRecord({ level: 'ERROR', ...change }));
    if (passed !== undefined) written.push(passed);
  };
  const outage = 'database';
  const stacks = (): number => written.filter((record) => (record.error?.lines.length ?? 0) > 0).length;

  for (let round = 0; round < 700; round++) log({ outage, template: `line ${round}`, thrown: new Error('away') });
  assert.equal(written.length, 19);
  assert.equal(stacks(), 1);
  log({ outage, event: 'child.exited', template: 'lifecycle' });
  assert.equal(written.at(-1)?.message, 'lifecycle');
  pass(60_000);
  assert.equal(written.length, 21);
  assert.equal(written.at(-1)?.message, '681 more records about the outage of the database in the last 60 s');
  log({ outage, template: 'next minute', thrown: new Error('still away') });
  assert.equal(written.at(-1)?.message, 'next minute');
  assert.equal(stacks(), 1);

  log({ recovered: outage, template: 'Recovered model server connection!' });
  log({ outage, template: 'away again', thrown: new Error('away') });
  assert.equal(stacks(), 2);
});

test('an outage takes nothing from other records, nor from DEBUG, and its first record is always whole [G-062]', () => {
  const outages = new Outages(
    () => {},
    () => 0,
  );
  const long = aRecord({ level: 'ERROR', outage: 'broker', template: 'x\n'.repeat(40) });

  assert.equal(outages.filter(long), long);
  assert.equal(outages.filter(aRecord({ level: 'ERROR', outage: 'broker' })), undefined);
  assert.ok(outages.filter(aRecord({ level: 'ERROR' })));
  assert.ok(outages.filter(aRecord({ level: 'DEBUG', outage: 'broker' })));
});

test('what is held back is counted, whoever held it back [G-060, G-061, G-062]', () => {
  const written: LogRecord[] = [];
  const plan = { dedupInterval: 60, rateLimit: { burst: 25, interval: 60, exceptLevel: 50 } };
  const noise = new Noise(plan, (record) => written.push(record));

  for (let round = 0; round < 10; round++) noise.filter(aRecord({ level: 'ERROR', template: 'same' }));
  for (let round = 0; round < 30; round++) noise.filter(aRecord({ outage: 'database', template: `${round}` }));
  for (let round = 0; round < 10; round++) noise.filter(aRecord({ template: 'other' }));

  assert.equal(written.length, 26);
  assert.equal(noise.suppressed, 50 - 25);
  noise.close();
});
