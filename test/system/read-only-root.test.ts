import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Daemon, fileBackend, program } from '../support/daemon.ts';

const skip =
  spawnSync('unshare', ['--mount', 'true']).status === 0
    ? false
    : 'only root has a view of the file systems of its own';

/** What it may write to (O-32); everything else is read-only, /tmp and /dev/shm included. */
const writable = ['state', 'lock', 'log', 'run'];

const view = `
for folder in ${writable.join(' ')}; do mount --bind "$1/$folder" "$1/$folder" || exit; done
mount -o remount,bind,ro / && mount -t tmpfs -o ro none /dev/shm || exit
if touch "$1/probe" 2>/dev/null; then echo 'the root is not read-only' >&2; exit 1; fi
shift; exec "$@"`;

/** A daemon on a read-only root, with what else is said before its command line. */
function onReadOnlyRoot(t: TestContext, before: readonly string[], owner = 0): Daemon {
  const folder = mkdtempSync(join(tmpdir(), 'vd-'));
  for (const name of writable) {
    mkdirSync(join(folder, name), { mode: 0o750 });
    chownSync(join(folder, name), owner, owner);
  }
  execFileSync('chmod', ['0755', folder]);
  const links = { 'cinder-volume.log': 'log', 'admin.sock': 'run', 'cinder.sqlite': 'state' };
  for (const [name, place] of Object.entries(links)) symlinkSync(join(folder, place, name), join(folder, name));
  const daemon = new Daemon(folder, {
    backends: { file1: fileBackend, file2: fileBackend },
    defaults: { state_path: join(folder, 'state'), log_file: join(folder, 'log/cinder-volume.log') },
    sections: {
      oslo_concurrency: { lock_path: join(folder, 'lock') },
      volume_daemon: { admin_socket: join(folder, 'run/admin.sock') },
    },
    prefix: ['unshare', '--mount', 'sh', '-c', view, 'sh', folder, ...before],
  });
  t.after(async () => {
    await daemon.destroy();
    rmSync(folder, { recursive: true, force: true });
  });
  return daemon;
}

/** A life with everything that writes files. */
async function lives(daemon: Daemon): Promise<void> {
  await daemon.startUp();
  const on = ['--backend', 'file1', '--size', '1', '--wait'];
  await daemon.does('volume', 'create', ...on, 'demo');
  await daemon.does('snapshot', 'create', '--volume', 'demo', '--wait', 'before');
  await daemon.does('volume', 'create', ...on, '--source', 'demo', 'copy');
  await daemon.does('volume', 'extend', 'demo', '--size', '2', '--wait');
  daemon.signal('SIGHUP');
  await daemon.logs(/Child caught SIGHUP, handling/);
  assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) /), []);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
}

test('a read-only root needs no exception but state, locks, log and the folder of the socket [O-32]', {
  skip,
}, async (t) => {
  await lives(onReadOnlyRoot(t, ['setpriv', '--bounding-set=-all', '--inh-caps=-all']));
});

test('so does a user whom no file knows, with no home and no capability [O-31, O-32, O-36]', { skip }, async (t) => {
  const user = 42_407;
  const as = [
    'setpriv',
    `--reuid=${user}`,
    `--regid=${user}`,
    '--clear-groups',
    '--bounding-set=-all',
    '--inh-caps=-all',
  ];
  if (spawnSync(as[0] ?? '', [...as.slice(1), 'test', '-r', program]).status !== 0) {
    return t.skip('this folder is closed to other users');
  }
  await lives(onReadOnlyRoot(t, ['env', '-u', 'HOME', ...as], user));
});
