import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUtcTime, plusSeconds, secondsBetween, toWireTime, utcNow } from '../../src/base/time.ts';

test('now has microseconds and grows with every call [rpc 5.1]', () => {
  const times = Array.from({ length: 1000 }, () => utcNow());

  assert.match(times[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  assert.deepEqual(times, [...new Set(times)].sort());
});

test('reads what peers and databases write [objects 3]', () => {
  const cases: Record<string, string | undefined> = {
    '2026-11-23T08:26:07Z': '2026-11-23T08:26:07.000000',
    '2026-11-23 08:26:07.699349': '2026-11-23T08:26:07.699349',
    '2026-11-23T08:26:07.5': '2026-11-23T08:26:07.500000',
    '2026-11-23T10:26:07.000001+02:00': '2026-11-23T08:26:07.000001',
    '': undefined,
    yesterday: undefined,
    '2026-13-01T00:00:00': undefined,
  };

  for (const [text, expected] of Object.entries(cases)) assert.equal(parseUtcTime(text), expected, text);
});

test('moves, compares and goes on the wire in whole seconds [objects 3]', () => {
  const time = parseUtcTime('2026-11-23T23:59:59.999999');
  assert.ok(time);

  const later = plusSeconds(time, 2.000001);

  assert.equal(later, '2026-11-24T00:00:02.000000');
  assert.equal(secondsBetween(time, later), 2.000001);
  assert.equal(toWireTime(time), '2026-11-23T23:59:59Z');
});
