import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { unrest } from '../chaos/audit.ts';
import { Rows } from '../chaos/rows.ts';
import { clientCommand } from '../support/client-command.ts';
import { type CommandResult, Daemon, fakeBackend, fileBackend } from '../support/daemon.ts';
import { rowsOf } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

const skip = process.getuid?.() === 0 ? false : 'only root can mount a file system';

/** A small file system in memory, and a way to fill it to the last byte. */
function aSmallDisk(t: Pick<TestContext, 'after'>, mebibytes: number): { folder: string; fill(): () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'vd-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', folder]);
  t.after(() => {
    execFileSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true });
  });
  const fill = (): (() => void) => {
    const file = join(folder, '.filler');
    const handle = openSync(file, 'w');
    for (const size of [2 ** 20, 4096, 1]) writeUntilFull(handle, Buffer.alloc(size, 1));
    closeSync(handle);
    return () => rmSync(file);
  };
  return { folder, fill };
}

function writeUntilFull(handle: number, block: Buffer): void {
  for (let count = 0; count < 65_536; count++) {
    try {
      if (writeSync(handle, block) < block.length) return;
    } catch {
      return;
    }
  }
}

function succeeds({ code, stderr }: CommandResult): void {
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
}

test('a full state_path is a clear error for whoever asks, delays what runs, and loses nothing [database 1.5, R-12, O-22]', {
  skip,
}, async (t) => {
  const disk = aSmallDisk(t, 32);
  const journal = join(aFolder(t), 'journal');
  const daemon = new Daemon(disk.folder, {
    backends: {
      file1: { ...fileBackend, max_over_subscription_ratio: 10_000 },
      fake1: fakeBackend({ fake_journal: journal, fake_delay: 'create_volume:2' }),
    },
    defaults: { log_file: `${journal}.log` },
  });
  t.after(() => daemon.destroy());
  await daemon.startUp();
  const rows = new Rows(daemon);
  const create = (name: string, backend: string, ...more: string[]) =>
    clientCommand(daemon, ['volume', 'create', '--backend', backend, '--size', '1', name, '-f', 'json', ...more]);
  succeeds(await create('before', 'file1', '--wait'));
  succeeds(await create('running', 'fake1'));

  const free = disk.fill();
  const refused = await create('refused', 'file1', '--wait');
  const kept = await clientCommand(daemon, ['volume', 'delete', 'before', '--wait']);
  await sleep(3000);
  assert.equal(rows.volumes("display_name = 'running'")[0]?.status, 'creating');
  free();

  assert.deepEqual([refused.code, kept.code], [1, 1]);
  for (const { stderr } of [refused, kept]) assert.match(stderr, /no space left|is full/);
  await eventually('everything is at rest', () => unrest(rows).length === 0, 60_000);
  assert.deepEqual(
    rows
      .volumes()
      .map((row) => [row.display_name, row.status])
      .sort(),
    [
      ['before', 'available'],
      ['running', 'available'],
    ],
  );
  succeeds(await clientCommand(daemon, ['volume', 'delete', 'before', '--wait']));
  assert.deepEqual(
    (await daemon.status()).backends.map(({ restarts }) => restarts),
    [0, 0],
  );
});

test('a full file_storage_dir fails the copy with the reason, leaves no half file, and can be emptied by deleting [S-12, S-18]', {
  skip,
}, async (t) => {
  const disk = aSmallDisk(t, 16);
  const storage = join(disk.folder, 'storage');
  mkdirSync(storage, { mode: 0o750 });
  const daemon = new Daemon(mkdtempSync(join(tmpdir(), 'vd-')), {
    backends: { file1: { ...fileBackend, file_storage_dir: storage, max_over_subscription_ratio: 10_000 } },
  });
  t.after(async () => {
    await daemon.destroy();
    rmSync(daemon.folder, { recursive: true });
  });
  await daemon.startUp();
  const rows = new Rows(daemon);
  succeeds(await clientCommand(daemon, ['volume', 'create', '--size', '1', 'v', '--wait']));
  const [volume] = rows.volumes();
  const file = openSync(join(storage, `volume-${volume?.id}`), 'r+');
  for (let at = 0; at < 10; at++) writeSync(file, Buffer.alloc(2 ** 20, 1), 0, 2 ** 20, at * 2 ** 20);
  closeSync(file);

  const copy = await clientCommand(daemon, ['volume', 'create', '--source', 'v', 'copy', '--wait']);

  assert.equal(copy.code, 1);
  assert.match(copy.stderr, /is error; see \/\S+ for the reason \(req-/);
  assert.match(daemon.logText(), /[Nn]o space left/);
  await eventually('everything is at rest', () => unrest(rows).length === 0);
  assert.deepEqual(
    readdirSync(storage).filter((name) => name.endsWith('.part')),
    [],
  );
  const free = disk.fill();
  for (const name of ['copy', 'v']) {
    succeeds(await clientCommand(daemon, ['volume', 'delete', name, '--wait']));
  }
  free();
  assert.deepEqual(
    readdirSync(storage).filter((name) => !name.startsWith('.')),
    [],
  );
});

test('a full state_path beside a database elsewhere stops no heartbeat, and what could not be written there is, later [O-10, L-128, R-06]', {
  skip,
}, async (t) => {
  const disk = aSmallDisk(t, 8);
  const elsewhere = aFolder(t);
  const daemon = new Daemon(disk.folder, {
    backends: { fake1: fakeBackend() },
    defaults: { log_file: join(elsewhere, 'log'), report_interval: 1 },
    sections: { database: { connection: `sqlite:///${join(elsewhere, 'cinder.sqlite')}` } },
  });
  t.after(() => daemon.destroy());
  const logged = (text: string): string[] =>
    readFileSync(join(elsewhere, 'log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes(text));
  const reports = (): number =>
    Number(rowsOf(join(elsewhere, 'cinder.sqlite'), 'select report_count from services')[0]?.['report_count']);
  const create = () => clientCommand(daemon, ['volume', 'create', '--size', '1', 'v', '--wait', '-f', 'json']);

  const free = disk.fill();
  await daemon.startUp();
  const before = reports();
  await eventually('the heartbeat goes on', () => reports() >= before + 3, 60_000);
  const refused = await create();
  free();
  await eventually('the broker can be found', () => existsSync(join(disk.folder, 'broker.json')), 60_000);

  const [note = '', ...others] = logged(' WARNING cinder.service ');
  assert.match(note, /\] Reports are not noted in \S+@fake1\.lock\.note \(ENOSPC: no space left on device, write '/);
  assert.deepEqual(others, []);
  const [broker = '', ...more] = logged(' ERROR ');
  assert.match(
    broker,
    /Client commands do not find the embedded broker until this can be written: ENOSPC: .*broker\.json\.new'$/,
  );
  assert.deepEqual(more, []);
  assert.notEqual(refused.code, 0);
  succeeds(await create());
});

test('a full folder of the log sends records to standard error, with one notice that names the file, and takes them again [G-006]', {
  skip,
}, async (t) => {
  const disk = aSmallDisk(t, 4);
  const log = join(disk.folder, 'cinder-volume.log');
  const daemon = new Daemon(mkdtempSync(join(tmpdir(), 'vd-')), {
    backends: { fake1: fakeBackend() },
    defaults: { log_file: log, debug: true, report_interval: 1 },
  });
  t.after(async () => {
    await daemon.destroy();
    rmSync(daemon.folder, { recursive: true });
  });
  const size = (): number => statSync(log).size;
  await daemon.startUp();

  const free = disk.fill();
  await eventually('a record goes elsewhere', () => / DEBUG cinder\.service /.test(daemon.printed), 60_000);
  succeeds(await clientCommand(daemon, ['volume', 'create', '--size', '1', 'v', '--wait']));
  free();
  const before = size();
  await eventually('the file is written again', () => size() > before + 1000, 60_000);

  const notices = daemon.printed.split('\n').filter((line) => line.includes('cannot write to log file'));
  for (const line of notices) {
    assert.equal(
      line,
      `volume-daemon: cannot write to log file ${log}: no space left on device; what it does not take goes here`,
    );
  }
  assert.ok(notices.length >= 1 && notices.length <= daemon.processes().length * 2, notices.join('\n'));
  // What was cut off where the disk was full ends its line; the record is whole on standard error.
  const head = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ [A-Z]+ /g;
  const merged = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => (line.match(head) ?? []).length > 1);
  assert.deepEqual(merged, []);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});
