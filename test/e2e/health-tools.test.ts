import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askDaemon } from '../../src/admin/client.ts';
import { aRunningDaemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { connectedPorts, pgrep } from '../support/processes.ts';

test('pgrep and ss find a worker with a connection to the broker [A16, L-002, L-097, O-15, O-25]', async (t) => {
  const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend(), two: fakeBackend() } });
  const { broker, backends } = await daemon.status();
  const port = Number(broker.address.split(':')[1]);

  const found = pgrep('cinder-volume').filter((pid) => daemon.processes().includes(pid));

  const known = [daemon.pid, broker.pid, ...backends.map(({ pid }) => pid)].sort();
  assert.deepEqual(found.sort(), known);
  for (const { pid } of backends) assert.deepEqual(connectedPorts(pid ?? 0), [port]);
  assert.deepEqual(connectedPorts(daemon.pid), []);
});

test('a worker that is stopped is told of, answers of health stay quick, and it is replaced [L-210, L-211, O-15]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { good: fakeBackend(), stuck: fakeBackend() },
    defaults: { host: 'labhost', report_interval: 1 },
    sections: { volume_daemon: { worker_stuck_timeout: 1 } },
  });
  const before = await daemon.worker('stuck');
  const ask = async (query: string) => (await askDaemon(`${daemon.folder}/admin.sock`, 'GET', query)).status;

  process.kill(before, 'SIGSTOP');
  const line = await daemon.logs(/ WARNING oslo_service\.service .*is not responding$/, 40_000);
  const begun = performance.now();
  const answers = [
    await ask('/livez'),
    await ask('/readyz?backend=stuck'),
    await ask('/readyz'),
    await ask('/readyz?all'),
  ];
  const took = performance.now() - begun;
  await daemon.logs(new RegExp(`Child ${before} killed by signal 9 \\(labhost@stuck\\)`), 40_000);
  await eventually('a new worker is up', async () => (await daemon.backend('stuck')).state === 'up', 20_000);

  assert.ok(line.endsWith(`Worker ${before} (labhost@stuck) is not responding`), line);
  assert.deepEqual(answers, [200, 503, 200, 503]);
  assert.ok(took < 2000, `${took} ms`);
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

test('an idle supervisor sleeps [L-055]', async (t) => {
  const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() } });
  await sleep(1000);

  const before = switchesOf(daemon.pid);
  await sleep(3000);

  const rate = (switchesOf(daemon.pid) - before) / 3;
  assert.ok(rate < 20, `${rate} wake-ups a second`);
});

function switchesOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text)?.[1]);
}
