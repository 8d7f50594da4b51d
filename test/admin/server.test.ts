import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askDaemon, NoDaemon } from '../../src/admin/client.ts';
import { adminRoutes, type DaemonControl } from '../../src/admin/routes.ts';
import { listenHttp } from '../../src/admin/server.ts';
import type { BackendStatus, DaemonStatus } from '../../src/interface/daemon-status.ts';
import { nothingMeasured } from '../../src/interface/worker-report.ts';

function aBackend(name: string, changes: Partial<BackendStatus> = {}): BackendStatus {
  return {
    name,
    host: `node@${name}`,
    pid: 42,
    worker_since: 0,
    restarts: 0,
    restart_reasons: {},
    memory: null,
    responding: true,
    next_try: null,
    state: 'up',
    since: 0,
    reason: null,
    driver: null,
    lag_ms: 0,
    inflight: [],
    last_db_report: null,
    rpc_connected: true,
    database_connected: true,
    stats: null,
    cleanup: [],
    measures: nothingMeasured,
    ...changes,
  };
}

function aDaemon(backends: BackendStatus[]): DaemonControl & { asked: unknown[] } {
  const asked: unknown[] = [];
  const status: DaemonStatus = {
    program: 'cinder-volume',
    version: '0',
    host: 'node',
    pid: 1,
    started_at: 0,
    memory: 0,
    draining: false,
    reloads: { applied: 0, failed: 0 },
    log_suppressed: 0,
    backends,
    broker: { address: '127.0.0.1:5672', embedded: true, pid: 2 },
    database: 'sqlite:////x',
  };
  return {
    asked,
    status: () => status,
    drain: (backend, on) => asked.push(['drain', backend, on]),
    reload: async () => ({ changes: [], problems: ['bad line'] }),
    reinit: (backend) => backend === 'lvm',
  };
}

async function withSocket(control: DaemonControl, body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'admin-'));
  const path = join(folder, 'run/socket');
  const server = await listenHttp({ path }, adminRoutes(control));
  try {
    await body(path);
  } finally {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
}

test('livez, readyz and status answer by the state of the backends [O-15]', async () => {
  const control = aDaemon([aBackend('lvm'), aBackend('ceph', { state: 'down', reason: 'driver not initialised' })]);

  await withSocket(control, async (path) => {
    const statusOf = async (query: string): Promise<number> => (await askDaemon(path, 'GET', query)).status;

    assert.equal(await statusOf('/livez'), 200);
    assert.equal(await statusOf('/readyz'), 200);
    assert.equal(await statusOf('/readyz?all'), 503);
    assert.equal(await statusOf('/readyz?backend=ceph'), 503);
    assert.equal(await statusOf('/readyz?backend=nosuch'), 503);
    assert.equal(((await askDaemon(path, 'GET', '/status')).body as DaemonStatus).backends.length, 2);
  });
});

test('a backend whose worker is silent is not ready [O-15, L-210]', async () => {
  await withSocket(aDaemon([aBackend('lvm', { responding: false })]), async (path) => {
    const answer = await askDaemon(path, 'GET', '/readyz');

    assert.deepEqual([answer.status, answer.body], [503, 'lvm not responding\n']);
  });
});

test('changes go through POST alone, and an unknown backend is named', async () => {
  const control = aDaemon([aBackend('lvm')]);

  await withSocket(control, async (path) => {
    assert.equal((await askDaemon(path, 'POST', '/drain', { body: { backend: 'lvm', on: true } })).status, 200);
    assert.deepEqual(control.asked, [['drain', 'lvm', true]]);
    assert.equal((await askDaemon(path, 'GET', '/drain')).status, 405);
    assert.equal((await askDaemon(path, 'GET', '/nothing')).status, 404);
    assert.equal((await askDaemon(path, 'POST', '/reload')).status, 422);
    assert.deepEqual((await askDaemon(path, 'POST', '/reinit', { body: { backend: 'cehp' } })).body, {
      error: "no backend named 'cehp' is enabled",
    });
  });
});

test('the socket is for user and group, replaces a dead one, and refuses a living one [O-15]', async () => {
  await withSocket(aDaemon([]), async (path) => {
    assert.equal((await stat(path)).mode & 0o777, 0o660);
    await assert.rejects(listenHttp({ path }, {}), /another daemon answers at .*; stop it, or/);
  });

  const folder = await mkdtemp(join(tmpdir(), 'admin-'));
  const path = join(folder, 'socket');
  await writeFile(path, '');
  const server = await listenHttp({ path }, {});
  await server[Symbol.asyncDispose]();
  await assert.rejects(askDaemon(path, 'GET', '/livez'), NoDaemon);
  await assert.rejects(listenHttp({ path: join(folder, 'x'.repeat(120)) }, {}), /longer than 107 bytes/);
  await rm(folder, { recursive: true });
});

test('nonsense on the socket ends that connection and nothing else', async () => {
  await withSocket(aDaemon([aBackend('lvm')]), async (path) => {
    const socket = connect(path);
    socket.write('AMQP\x00\x00\x09\x01 not HTTP\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve).resume());
    assert.equal((await askDaemon(path, 'POST', '/drain', { body: 'x'.repeat(70_000) })).status, 400);

    assert.equal((await askDaemon(path, 'GET', '/livez')).status, 200);
  });
});

test('a request that makes no sense is told why, and changes nothing', async () => {
  const control = aDaemon([aBackend('lvm')]);
  const said = async (path: string, bytes: string): Promise<string> => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    // A server that refuses a request may close before it has read all of it.
    socket.on('error', () => {});
    socket.end(bytes);
    await new Promise((resolve) => socket.on('close', resolve));
    return text;
  };
  const post = (path: string, body: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  await withSocket(control, async (path) => {
    for (const target of ['//', '//[', 'http://[', '*', '/%', `/${'x'.repeat(8000)}`]) {
      const answer = await said(path, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 40[04] /, target);
    }
    for (const body of ['{', '[]', '"lvm"', '{"backend": 5}', '{"on": "false"}', '{"backend": ["lvm"]}']) {
      assert.match(await said(path, post('/drain', body)), /^HTTP\/1\.1 400 [\s\S]*"error":/, body);
    }
    assert.match(await said(path, post('/reinit', '{}')), /^HTTP\/1\.1 400 /);
    assert.match(await said(path, 'HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
    assert.match(await said(path, `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`), /^(HTTP\/1\.1 431 |$)/);

    assert.deepEqual(control.asked, []);
    assert.equal((await askDaemon(path, 'GET', '/livez')).status, 200);
  });
});
