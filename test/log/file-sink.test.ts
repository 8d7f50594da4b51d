import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FileOptions, FileSink } from '../../src/log/file-sink.ts';
import { eventually } from '../support/eventually.ts';
import { aRecord } from '../support/log-record.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startProgram } from '../support/test-program.ts';

const record = aRecord();

function openFile(t: TestContext, changes: Partial<FileOptions> = {}): { sink: FileSink; path: string } {
  const path = changes.path ?? join(temporaryFolder(t), 'a.log');
  const sink = new FileSink({ path, compare: true, rotation: undefined, alsoOnStderr: false, ...changes });
  t.after(() => sink.close());
  return { sink, path };
}

/** The files below `folder` that a process has open, deleted ones included. */
function openBelow(folder: string, pid: number | 'self' = 'self'): string[] {
  const descriptors = `/proc/${pid}/fd`;
  return readdirSync(descriptors).flatMap((name) => {
    try {
      const target = readlinkSync(join(descriptors, name));
      return target.startsWith(folder) ? [target] : [];
    } catch {
      // The descriptor of the listing itself is gone by now.
      return [];
    }
  });
}

test('records are appended to what is there, each when its call returns [G-002, G-081, L-024]', (t) => {
  const path = join(temporaryFolder(t), 'a.log');
  writeFileSync(path, 'before\n');
  const { sink } = openFile(t, { path });

  sink.write(record, 'one');
  assert.equal(readFileSync(path, 'utf8'), 'before\none\n');
  sink.write(record, 'two\nlines, é');
  assert.equal(readFileSync(path, 'utf8'), 'before\none\ntwo\nlines, é\n');
});

test('a new file has the mode that the umask leaves [G-002]', (t) => {
  const before = process.umask(0o027);
  try {
    assert.equal(statSync(openFile(t).path).mode & 0o777, 0o640);
  } finally {
    process.umask(before);
  }
});

test('a record after a rename or a removal is in a new file [G-050, O-39]', async (t) => {
  const { sink, path } = openFile(t);
  sink.write(record, 'one');

  renameSync(path, `${path}.1`);
  await sleep(2);
  sink.write(record, 'two');
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\n');
  assert.equal(readFileSync(path, 'utf8'), 'two\n');

  unlinkSync(path);
  await sleep(2);
  sink.write(record, 'three');
  assert.equal(readFileSync(path, 'utf8'), 'three\n');
});

for (const [what, act] of [
  ['renamed', (path: string) => renameSync(path, `${path}.1`)],
  ['removed', (path: string) => unlinkSync(path)],
  [
    'replaced',
    (path: string) => {
      writeFileSync(`${path}.new`, '');
      renameSync(`${path}.new`, path);
    },
  ],
] as const) {
  test(`an idle process lets go of a file that is ${what} [G-050, G-054]`, async (t) => {
    const { sink, path } = openFile(t, { compare: false });
    sink.write(record, 'one');
    act(path);

    await eventually('only the new file is open', () => {
      const open = openBelow(path);
      return open.length === 1 && open[0] === path;
    });
    sink.write(record, 'two');
    assert.equal(readFileSync(path, 'utf8'), 'two\n');
    act(path);
    await eventually('the second time as well', () => statSync(path, { throwIfNoEntry: false })?.size === 0);
  });
}

test('after copytruncate the file goes on at its new end [G-052, O-39]', (t) => {
  const { sink, path } = openFile(t);
  sink.write(record, 'before the copy');

  copyFileSync(path, `${path}.1`);
  truncateSync(path);
  sink.write(record, 'after');

  assert.equal(readFileSync(path, 'utf8'), 'after\n');
});

test('reopen opens the file under its name again [G-051, L-168]', (t) => {
  const { sink, path } = openFile(t, { compare: false });
  renameSync(path, `${path}.1`);

  sink.reopen();
  sink.write(record, 'one');

  assert.equal(readFileSync(path, 'utf8'), 'one\n');
  assert.deepEqual(openBelow(path), [path]);
});

test('a file that cannot be opened is one clear line [L-023]', (t) => {
  const folder = temporaryFolder(t);

  assert.throws(() => openFile(t, { path: join(folder, 'no', 'x.log') }), {
    name: 'LogError',
    message: `cannot open log file ${folder}/no/x.log: no such file or directory (uid ${process.getuid?.()})`,
  });
  assert.throws(() => openFile(t, { path: folder }), { message: /: illegal operation on a directory/ });
});

test('what a full disk does not take goes to standard error, with one notice [G-006]', async (t) => {
  const task = { values: { log_file: '/dev/full' }, identity: {}, lines: 50, name: 'it' };
  const { child, printed, ended } = startProgram(t, 'log/programs/writer', [JSON.stringify(task)]);
  child.stdin.end('go\n');

  assert.deepEqual(await ended, { code: 0, signal: null });
  const lines = printed.stderr.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^volume-daemon: cannot write to log file \/dev\/full: no space left on device; /);
  assert.equal(lines.length, 51);
  assert.match(lines[50] ?? '', /INFO test\.writer \[-\] it wrote line 50$/);
});

test('a folder that goes and comes back costs no record [G-006]', async (t) => {
  const folder = join(temporaryFolder(t), 'log');
  mkdirSync(folder);
  const task = { values: { log_dir: folder } };
  const { child, printed, ended } = startProgram(t, 'log/programs/steps', [JSON.stringify(task)]);
  const say = async (word: string): Promise<void> => {
    printed.stdout = '';
    child.stdin.write(`${word}\n`);
    await eventually(`${word} is written`, () => printed.stdout.includes(word));
  };

  await say('one');
  rmSync(folder, { recursive: true });
  await say('two');
  mkdirSync(folder);
  await eventually('the file is back', async () => {
    await say('three');
    return statSync(join(folder, 'cinder-volume.log'), { throwIfNoEntry: false }) !== undefined;
  });
  child.stdin.end();
  await ended;

  assert.match(printed.stderr, /cannot open log file .*: no such file or directory; /);
  assert.match(printed.stderr, /\[-\] two$/m);
  assert.match(readFileSync(join(folder, 'cinder-volume.log'), 'utf8'), /\[-\] three\n$/);
});

test('records after the close go to standard error [L-024]', async (t) => {
  const { child, printed, ended } = startProgram(t, 'log/programs/late', [join(temporaryFolder(t), 'a.log')]);
  child.stdin.end();

  assert.deepEqual(await ended, { code: 0, signal: null });
  assert.match(printed.stderr, /INFO test \[-\] late\n$/);
});
