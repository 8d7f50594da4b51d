import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileSink } from '../../src/log/file-sink.ts';
import { type Interval, rotationBySize, rotationByTime } from '../../src/log/rotation.ts';
import { eventually } from '../support/eventually.ts';
import { aRecord } from '../support/log-record.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startProgram } from '../support/test-program.ts';

const record = aRecord();

/** Local time: month from 1, as people write it. */
function at(text: string): number {
  return new Date(text).getTime();
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

test('by size the file becomes .1 and the older ones move up, as many as are wanted', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.log');
  const rotation = rotationBySize(10, 2);

  for (const text of ['first', 'second', 'third', 'fourth']) {
    writeFileSync(path, text);
    rotation.rotate(path, 0);
  }

  assert.deepEqual(contents(folder), { 'a.log.1': 'fourth', 'a.log.2': 'third' });
  assert.deepEqual(
    [9, 10].map((size) => rotation.isDue(size, 0)),
    [false, true],
  );
  assert.equal(rotationBySize(0, 2).isDue(100, 0), false);
  assert.equal(rotationBySize(10, 0).isDue(100, 0), false);
});

test('by time it is due at the end of the interval in which the file was begun', () => {
  const due = (type: Interval, amount: number, begun: string): string =>
    new Date(rotationByTime(type, amount, 0, at(begun)).dueAt).toString();
  const expected = (text: string): string => new Date(at(text)).toString();

  assert.equal(due('seconds', 30, '2026-11-23T08:00:00'), expected('2026-11-23T08:00:30'));
  assert.equal(due('minutes', 2, '2026-11-23T08:00:10'), expected('2026-11-23T08:02:10'));
  assert.equal(due('hours', 1, '2026-11-23T08:00:10'), expected('2026-11-23T09:00:10'));
  assert.equal(due('days', 1, '2026-11-23T08:00:10'), expected('2026-11-24T08:00:10'));
  assert.equal(due('midnight', 1, '2026-11-23T08:00:10'), expected('2026-11-24T00:00:00'));
  // The 23rd is a Monday.
  assert.equal(due('weekday', 0, '2026-11-23T08:00:10'), expected('2026-11-24T00:00:00'));
  assert.equal(due('weekday', 6, '2026-11-23T08:00:10'), expected('2026-11-30T00:00:00'));
  assert.equal(due('weekday', 1, '2026-11-26T08:00:10'), expected('2026-12-02T00:00:00'));
});

test('by time the suffix is the beginning of the interval, the oldest are removed, none is overwritten', (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'a.log');
  const rotation = rotationByTime('midnight', 1, 3, at('2026-11-23T08:00:00'));
  const rotate = (text: string, now: string): void => {
    writeFileSync(path, text);
    rotation.rotate(path, at(now));
  };
  writeFileSync(join(folder, 'a.log.2026-11-01.gz'), 'compressed by somebody else');

  assert.equal(rotation.isDue(1, at('2026-11-23T23:59:59')), false);
  assert.equal(rotation.isDue(1, at('2026-11-24T00:00:00')), true);
  rotate('monday', '2026-11-24T00:00:01');
  assert.deepEqual(Object.keys(contents(folder)), ['a.log.2026-11-01.gz', 'a.log.2026-11-23']);
  writeFileSync(join(folder, 'a.log.2026-11-24'), 'somebody made it');
  rotate('tuesday', '2026-11-25T00:00:00');
  rotate('wednesday', '2026-11-26T09:00:00');

  assert.deepEqual(contents(folder), {
    'a.log.2026-11-01.gz': 'compressed by somebody else',
    'a.log.2026-11-24': 'somebody made it',
    'a.log.2026-11-24.1': 'tuesday',
    'a.log.2026-11-25': 'wednesday',
  });
});

test('the suffixes of short intervals have the time of day', (t) => {
  for (const [type, suffix] of [
    ['seconds', '2026-11-23_08-00-00'],
    ['minutes', '2026-11-23_08-00'],
    ['hours', '2026-11-23_08'],
    ['days', '2026-11-23'],
  ] as const) {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'a'), 'x');
    const rotation = rotationByTime(type, 1, 0, at('2026-11-23T08:00:00'));
    rotation.rotate(join(folder, 'a'), rotation.dueAt);
    assert.deepEqual(readdirSync(folder), [`a.${suffix}`]);
  }
});

test('an empty file is not rotated by time', () => {
  const rotation = rotationByTime('seconds', 1, 0, at('2026-11-23T08:00:00'));
  const later = at('2026-11-23T08:00:01');

  assert.equal(rotation.isDue(0, later), false);
  assert.equal(rotation.dueAt, later + 1000);
});

test('a file that nobody writes to is rotated when its time comes', async (t) => {
  const { folder, sink } = rotating(t, () => rotationByTime('seconds', 1, 0, Date.now()));
  sink.write(record, 'one');

  await eventually('it is rotated', () => readdirSync(folder).length === 2);

  assert.equal(readFileSync(join(folder, 'a.log'), 'utf8'), '');
});

test('the file is rotated when others make it grow, and those follow [G-053]', async (t) => {
  const { folder, sink } = rotating(t, () => rotationBySize(1000, 5));
  const path = join(folder, 'a.log');
  const other = new FileSink({ path, compare: true, rotation: undefined, alsoOnStderr: false });
  t.after(() => other.close());

  other.write(record, 'x'.repeat(2000));
  await eventually('it is rotated', () => readdirSync(folder).includes('a.log.1'));
  other.write(record, 'after');
  sink.write(record, 'both');

  assert.equal(readFileSync(path, 'utf8'), 'after\nboth\n');
});

test('a rotation that fails is told and loses nothing', (t) => {
  const { folder, sink } = rotating(t, () => ({
    ...rotationBySize(1, 1),
    rotate: () => renameSync('/nonexistent/a', '/nonexistent/b'),
  }));

  sink.write(record, 'one');
  sink.write(record, 'two');

  assert.equal(readFileSync(join(folder, 'a.log'), 'utf8'), 'one\ntwo\n');
});

test('of three processes one rotates, and no line is lost or out of order [G-003, G-053]', async (t) => {
  const folder = temporaryFolder(t);
  const values = { log_dir: folder, log_rotation_type: 'size', max_logfile_size_mb: 1, max_logfile_count: 20 };
  const names = ['supervisor', 'fast', 'slow'];
  const programs = names.map((name) => {
    const identity = { role: name === 'supervisor' ? name : 'worker' };
    return startProgram(t, 'log/programs/writer', [JSON.stringify({ values, identity, lines: 9000, name })]);
  });
  await eventually('all are there', () => programs.every(({ printed }) => printed.stdout === 'open\n'), 60_000);
  for (const { child } of programs) child.stdin.write('go\n');
  await eventually('all have written', () => programs.every(({ printed }) => printed.stdout.includes('done')), 60_000);
  await eventually('it is rotated', () => readdirSync(folder).length > 1);
  for (const { child } of programs) child.stdin.end();
  for (const { ended, printed } of programs) assert.deepEqual(await ended, { code: 0, signal: null }, printed.stderr);

  const files = readdirSync(folder).sort((a, b) => suffix(b) - suffix(a));
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'));
  assert.equal(lines.length, 27_000);
  for (const name of names) {
    const numbers = lines.flatMap((line) => line.match(`${name} wrote line (\\d+)$`)?.[1] ?? []).map(Number);
    assert.deepEqual(
      numbers,
      Array.from({ length: 9000 }, (_, index) => index + 1),
    );
  }
});

function suffix(name: string): number {
  return Number(/\.(\d+)$/.exec(name)?.[1] ?? 0);
}

function rotating(
  t: TestContext,
  rotation: () => ReturnType<typeof rotationBySize>,
): { folder: string; sink: FileSink } {
  const folder = temporaryFolder(t);
  const sink = new FileSink({ path: join(folder, 'a.log'), compare: true, rotation, alsoOnStderr: true });
  t.after(() => sink.close());
  return { folder, sink };
}
