import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { aRunningDaemon, fileBackend, runProgram } from '../support/daemon.ts';
import { aFolder } from '../support/folder.ts';
import { repository } from '../support/repository.ts';

const execute = promisify(execFile);

/** Installs below a fresh folder, where no npm can be had, and with it nothing from a network. */
async function installed(t: TestContext, ...variables: string[]): Promise<string> {
  const root = aFolder(t);
  const stand = aFolder(t);
  for (const name of ['npm', 'npx', 'curl', 'git']) {
    writeFileSync(join(stand, name), '#!/bin/sh\necho "$0 was called" >&2\nexit 1\n');
    chmodSync(join(stand, name), 0o755);
  }
  const path = [stand, dirname(process.execPath), process.env['PATH']].join(delimiter);
  const words = ['-s', 'install', `DESTDIR=${root}`, `NODE=${process.execPath}`, ...variables];
  await execute('make', words, { cwd: repository, env: { ...process.env, PATH: path } });
  return root;
}

test('what is installed starts under both names, makes a volume, and needs nothing of the source tree [O-30]', async (t) => {
  const root = await installed(t);
  const program = join(root, 'usr/bin/cinder-volume');

  const daemon = await aRunningDaemon(t, { backends: { file1: fileBackend }, program });
  const client = (...words: string[]) =>
    runProgram([...words, '--config-file', daemon.conf], {}, { file: join(root, 'usr/bin/volume-daemon') }).result;
  const made = await client('volume', 'create', '--size', '1', '--wait', 'demo', '-f', 'value', '-c', 'status');
  const refused = await runProgram(['volume', 'list'], {}, { file: program }).result;

  assert.deepEqual([made.code, made.stdout], [0, 'available\n'], made.stderr);
  assert.equal(refused.code, 2);
  for (const pid of daemon.processes()) {
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
    assert.ok(!maps.includes(`${repository}/`), `a process has a file of ${repository} open`);
  }
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

test('lays out unit, user, folders, log rotation, sample and completion, and no cinder.conf [O-37]', async (t) => {
  const root = await installed(t, 'PREFIX=/opt/vd');
  const text = (path: string): string => readFileSync(join(root, path), 'utf8');

  assert.match(text('lib/systemd/system/volume-daemon.service'), /^ExecStart=\/opt\/vd\/bin\/cinder-volume /m);
  assert.doesNotMatch(text('lib/systemd/system/volume-daemon.service'), /@/);
  assert.equal(readlinkSync(join(root, 'lib/systemd/system/cinder-volume.service')), 'volume-daemon.service');
  assert.match(text('opt/vd/lib/sysusers.d/volume-daemon.conf'), /^u cinder /m);
  assert.match(text('opt/vd/lib/tmpfiles.d/volume-daemon.conf'), /^d \/run\/cinder 0750 cinder cinder/m);
  assert.match(text('etc/logrotate.d/volume-daemon'), /cinder-volume\.log/);
  assert.match(text('etc/cinder/rootwrap.d/volume-daemon.filters'), /^\[Filters\]$/m);
  assert.equal(
    text('etc/cinder/cinder.conf.sample'),
    readFileSync(join(repository, 'etc/cinder/cinder.conf.sample'), 'utf8'),
  );
  assert.match(text('opt/vd/share/bash-completion/completions/volume-daemon'), /complete /);
  assert.ok(!existsSync(join(root, 'etc/cinder/cinder.conf')));
  assert.equal(statSync(join(root, 'opt/vd/bin/cinder-volume')).mode & 0o111, 0o111);
});

test('what is taken away leaves nothing but folders', async (t) => {
  const root = await installed(t);

  await execute('make', ['-s', 'uninstall', `DESTDIR=${root}`], { cwd: repository });

  assert.equal((await execute('find', [root, '!', '-type', 'd'])).stdout, '');
});
