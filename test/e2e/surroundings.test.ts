import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { aRunningDaemon, fakeBackend, fileBackend } from '../support/daemon.ts';
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

  test('a child that the supervisor does not know of ends without effect [L-152]', async (t) => {
    const daemon = await aRunningDaemon(t, { backends: { one: fakeBackend() }, prefix: shell('sleep 0.1 & ') });

    const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');

    assert.equal(made['status'], 'available');
    assert.equal((await daemon.backend('one')).restarts, 0);
    assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) /), []);
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  });
});
