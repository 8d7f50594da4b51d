import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { unrest } from '../chaos/audit.ts';
import { Rows } from '../chaos/rows.ts';
import { clientCommand } from '../support/client-command.ts';
import { type CommandResult, Daemon, fakeBackend, fileBackend } from '../support/daemon.ts';
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
  assert.match(copy.stderr, /is error; see the log/);
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
