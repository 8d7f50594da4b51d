import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileStrftime } from '../../src/log/strftime.ts';

const monday = new Date(2026, 10, 23, 8, 5, 9, 93).getTime();

test('a moment is printed in local time by a pattern of strftime [G-022]', () => {
  const print = (pattern: string): string => compileStrftime(pattern)(monday);

  assert.equal(print('%Y-%m-%d %H:%M:%S'), '2026-11-23 08:05:09');
  assert.equal(print('%a %A %b %B %e'), 'Mon Monday Nov November 23');
  assert.equal(print('%y %j %U %W %V %G %u %w'), '26 327 47 47 48 2026 1 1');
  assert.equal(print('%I:%M %p|%k|%l|%R|%T|%D|%F'), '08:05 AM| 8| 8|08:05|08:05:09|11/23/26|2026-11-23');
  assert.equal(print('%c'), 'Mon Nov 23 08:05:09 2026');
  assert.equal(print('%-d/%-m %_H %^a'), '23/11  8 MON');
  assert.equal(print('%s'), String(Math.floor(monday / 1000)));
  assert.equal(print('100%% %Q'), '100% %Q');
  assert.match(print('%z'), /^[+-]\d{4}$/);
  assert.notEqual(print('%Z'), '');
});

test('the text follows the seconds, and knows the ISO year at its turn', () => {
  const seconds = compileStrftime('%H:%M:%S');

  assert.equal(seconds(monday), '08:05:09');
  assert.equal(seconds(monday + 906), '08:05:09');
  assert.equal(seconds(monday + 907), '08:05:10');
  assert.equal(compileStrftime('%G-W%V')(new Date(2027, 0, 1).getTime()), '2026-W53');
});
