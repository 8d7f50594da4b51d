import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { aDaemon, type Daemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { childrenOf } from '../support/processes.ts';

const container = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const skip = spawnSync('unshare', [...container.slice(1), 'true']).status === 0 ? false : 'no process namespace here';

/** The program as the first process of a namespace of its own, and that process. */
async function inContainer(t: TestContext): Promise<{ daemon: Daemon; first: number }> {
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
  const daemon = aDaemon(t, { backends: { one: fakeBackend() }, prefix: container, itself: true, env });
  await daemon.startUp();
  const [first = 0] = childrenOf(daemon.pid);
  return { daemon, first };
}

test('process 1 of a container collects what others leave behind, without a word, and hands each signal on once [O-35]', {
  skip,
}, async (t) => {
  const { daemon, first } = await inContainer(t);
  const [supervisor = 0] = childrenOf(first);
  const door = join(aFolder(t), 'door');
  execFileSync('mkfifo', [door]);

  const orphan = `(read line < ${door}; exit 3) & exit 0`;
  execFileSync('nsenter', ['--target', String(first), '--pid', '--mount', 'sh', '-c', orphan], { stdio: 'ignore' });
  await eventually('process 1 has the orphan', () => childrenOf(first).length === 2);
  execFileSync('sh', ['-c', `echo > ${door}`]);
  await eventually('the orphan is collected', () => childrenOf(first).length === 1);
  assert.deepEqual(childrenOf(first), [supervisor]);
  assert.deepEqual(daemon.logged(/ WARNING |not in child list/), []);

  process.kill(first, 'SIGHUP');
  await daemon.logs(/Caught SIGHUP, stopping children/);
  await daemon.logs(/Child caught SIGHUP, handling/);
  process.kill(first, 'SIGTERM');

  assert.deepEqual(await daemon.gone(60_000), { code: 0, signal: null });
  assert.equal(daemon.logged(/Caught SIGHUP, stopping children/).length, 1);
  assert.equal(daemon.logged(/Caught SIGTERM, stopping children/).length, 1);
  assert.deepEqual(daemon.logged(/Already shutting down/), []);
});

test('the status of the daemon is that of process 1 [O-35, L-180]', { skip }, async (t) => {
  const { daemon, first } = await inContainer(t);

  process.kill(first, 'SIGINT');

  assert.deepEqual(await daemon.gone(60_000), { code: 1, signal: null });
  assert.equal(daemon.logged(/Caught SIGINT signal, instantaneous exiting/).length, 1);
});
