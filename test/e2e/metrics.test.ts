import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { aDaemon, aRunningDaemon, type Daemon, fakeBackend, fileBackend, runProgram } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

/** Where the daemon says that it listens for `option`; it was asked for a free port. */
async function listening(daemon: Daemon, option: string): Promise<string> {
  const line = await daemon.logs(new RegExp(`${option}: listening at`));
  return `http://127.0.0.1:${/:(\d+)$/.exec(line.trim())?.[1]}`;
}

async function scrape(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return (await answer.text()).split('\n');
}

test('answers Prometheus with what the daemon and its workers do [O-16, L-211]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { file1: fileBackend, fake1: fakeBackend() },
    defaults: { host: 'node"1', report_interval: 1 },
    sections: { volume_daemon: { metrics_listen: '127.0.0.1:0' } },
  });
  const url = await listening(daemon, 'metrics_listen');
  const has = (line: string | RegExp, ms?: number): Promise<boolean> =>
    eventually(
      `a line ${line}`,
      async () => (await scrape(url)).some((one) => (typeof line === 'string' ? one === line : line.test(one))),
      ms,
    );

  await daemon.does('volume', 'create', '--backend', 'file1', '--size', '1', '--wait', 'demo');
  await daemon.does('reload');
  daemon.signal('SIGHUP');

  await has('# TYPE volume_daemon_backend_up gauge');
  await has('volume_daemon_backend_up{backend="node\\"1@file1"} 1');
  await has('volume_daemon_driver_initialized{backend="node\\"1@fake1"} 1');
  await has('volume_daemon_rpc_connected{backend="node\\"1@file1"} 1');
  await has(/^volume_daemon_rpc_requests_total\{backend="node\\"1@file1",method="create_volume",result="ok"\} 1$/);
  await has(/^volume_daemon_rpc_duration_seconds_bucket\{.*method="create_volume",le="\+Inf"\} 1$/);
  await has(/^volume_daemon_heartbeat_lateness_seconds_count\{backend="node\\"1@file1"\} [1-9]/);
  await has(/^volume_daemon_heartbeat_age_seconds\{backend="node\\"1@file1"\} \d/);
  await has(/^volume_daemon_pool_capacity_total_gb\{backend="node\\"1@file1",pool="[^"]+"\} [1-9]/);
  await has(/^volume_daemon_resident_memory_bytes\{process="worker",backend="node\\"1@fake1"\} \d{7}/);
  await has(/^volume_daemon_event_loop_lag_seconds\{backend="node\\"1@fake1"\} [\d.]+$/);
  await has(/^volume_daemon_db_pool_in_use\{backend="node\\"1@fake1"\} \d+$/);
  await has(/^volume_daemon_db_errors_total\{backend="node\\"1@fake1"\} 0$/);
  await has(/^volume_daemon_log_suppressed_total\{process="supervisor"\} 0$/);
  await has('volume_daemon_config_reloads_total{result="applied"} 2');
});

test('counts a worker that had to be started again, and shows its backend down meanwhile [O-16]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { file1: fileBackend },
    defaults: { host: 'node' },
    sections: { volume_daemon: { metrics_listen: '127.0.0.1:0' } },
  });
  const url = await listening(daemon, 'metrics_listen');

  process.kill((await daemon.backend('file1')).pid ?? 0, 'SIGKILL');

  const restarted = 'volume_daemon_worker_restarts_total{backend="node@file1",reason="SIGKILL"} 1';
  await eventually('the restart is counted', async () => (await scrape(url)).includes(restarted));
  await daemon.isUp();
});

test('a port that somebody else has is told, tried again, and stops no backend [O-16]', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.after(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const taken = `127.0.0.1:${port}`;
  const daemon = await aRunningDaemon(t, {
    backends: { file1: fileBackend },
    sections: { volume_daemon: { metrics_listen: taken, health_listen: '127.0.0.1:0' } },
  });

  const told = await daemon.logs(new RegExp(`metrics_listen = ${taken} cannot be listened at`));
  const ready = await fetch(`${await listening(daemon, 'health_listen')}/readyz`);
  await new Promise((resolve) => other.close(resolve));
  const url = await listening(daemon, 'metrics_listen');

  assert.match(told, / ERROR cinder\.admin .*EADDRINUSE/);
  assert.equal(ready.status, 200);
  assert.ok((await scrape(url)).some((line) => line.startsWith('volume_daemon_backend_up{')));
  assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
});

test('an address that is none is a mistake in the configuration, named with its place [C-031, O-16]', async (t) => {
  for (const wrong of ['9090', '127.0.0.1', 'localhost:99999', '::1:80', 'http://x:1', '127.0.0.1:x']) {
    const daemon = aDaemon(t, { sections: { volume_daemon: { metrics_listen: wrong } } });

    const { code, stderr } = await runProgram(['--config-file', daemon.conf]).result;

    assert.equal(code, 1, wrong);
    assert.match(
      stderr,
      new RegExp(`metrics_listen.*${wrong.replaceAll('.', '\\.')}.* is no address to listen at`),
      wrong,
    );
  }
});
