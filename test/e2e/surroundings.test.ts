import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { aDaemon, aRunningDaemon, type Daemon, fakeBackend, fileBackend } from '../support/daemon.ts';
import { openFilesOf } from '../support/processes.ts';

/** A command that makes the surroundings and then replaces itself by the daemon. */
function shell(text: string): string[] {
  return ['sh', '-c', `${text} exec "$@"`, 'sh'];
}

/** What other users may read or write below a folder, or the group may write. */
function tooOpen(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const status = statSync(join(folder, name));
    return !status.isSocket() && (status.mode & 0o027) !== 0;
  });
}

/** MB of memory that a process has in use. */
function residentOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** The lines that a life prints where no log file is named. */
async function printedBy(daemon: Daemon): Promise<string[]> {
  const text = readFileSync(daemon.conf, 'utf8');
  writeFileSync(daemon.conf, text.replace(/^log_file = .*\n/m, ''));
  await daemon.startUp();
  await daemon.stop();
  return daemon.printed.trimEnd().split('\n');
}

describe('the surroundings of a start', { concurrency: 2 }, () => {
  test('no HOME, no terminal, no standard input, umask 027: all as ever, and nothing open to others [O-36]', async (t) => {
    const daemon = await aRunningDaemon(t, {
      backends: { file1: fileBackend },
      prefix: shell('unset HOME; umask 027; exec <&-;'),
    });
    const worker = await daemon.worker('file1');

    const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');

    assert.equal(made['status'], 'available');
    assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) /), []);
    assert.deepEqual(tooOpen(daemon.folder), ['cinder.conf']);
    for (const pid of [daemon.pid, worker]) assert.ok(openFilesOf(pid).includes('/dev/null'));
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  });

  test('the variables that others set for the memory of Python do no harm, and there is less of it [O-23]', async (t) => {
    const daemon = await aRunningDaemon(t, {
      backends: { file1: fileBackend },
      env: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '262144' },
    });

    await daemon.does('volume', 'create', '--size', '1', '--wait', 'demo');

    const [supervisor, worker] = [residentOf(daemon.pid), residentOf(await daemon.worker('file1'))];
    assert.ok(supervisor <= 80, `supervisor: ${supervisor} MB`);
    assert.ok(worker <= 90, `worker: ${worker} MB`);
  });

  test('a lock folder that cannot be made is told at the start, with the user that could not [O-33, O-34]', async (t) => {
    const daemon = aDaemon(t, {
      backends: { file1: fileBackend },
      sections: { coordination: { backend_url: 'file:///proc/none/locks' } },
    });

    daemon.start();
    const line = await daemon.logs(/ ERROR .*lock folder/);

    const uid = process.getuid?.();
    assert.ok(line.includes(`lock folder /proc/none/locks cannot be made by uid ${uid}: ENOENT`), line);
    assert.notEqual((await daemon.backend('file1')).state, 'up');
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  });

  test('standard output alone has each record with its own time and pid, also below systemd, and nothing else [G-021, G-072]', async (t) => {
    const daemon = aDaemon(t, {
      backends: { one: fakeBackend() },
      env: { INVOCATION_ID: '0123456789abcdef0123456789abcdef', JOURNAL_STREAM: '8:12345' },
    });
    const lines = await printedBy(daemon);

    const record =
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (\d+) (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ \[(-|\S+ \S+ .*?)\] /;
    assert.deepEqual(
      lines.filter((line) => !record.test(line)),
      [],
    );
    assert.ok(lines.some((line) => record.exec(line)?.[1] === String(daemon.pid)));
    assert.ok(lines.some((line) => line.includes('] running self-contained in ')));
  });

  test('as JSON, each line of standard output is an object that says which process of what role wrote it [G-034, G-035]', async (t) => {
    const daemon = aDaemon(t, { backends: { one: fakeBackend() }, defaults: { use_json: true, log_color: true } });

    const lines = await printedBy(daemon);

    const records = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const roles = new Map(records.map(({ role, process: pid }) => [role, pid]));
    assert.equal(roles.get('supervisor'), daemon.pid);
    assert.notEqual(roles.get('worker'), daemon.pid);
    assert.ok(records.some(({ role, service_host }) => role === 'worker' && /@one$/.test(String(service_host))));
    assert.ok(records.some(({ event }) => event === 'child.exited'));
  });

  test('a child that the supervisor does not know of ends without effect [L-152]', async (t) => {
    const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() }, prefix: shell('sleep 0.1 & ') });

    const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');

    assert.equal(made['status'], 'available');
    assert.equal((await daemon.backend('one')).restarts, 0);
    assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) /), []);
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  });
});
