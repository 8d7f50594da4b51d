import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openCoordinator } from '../../src/coordination/coordinator.ts';
import { serviceHost } from '../../src/objects/host.ts';
import type { Service } from '../../src/objects/service.ts';
import { BackendLock } from '../../src/service/backend-lock.ts';
import { aFolder } from '../support/folder.ts';
import { aLogger } from '../support/recording-logger.ts';

const host = serviceHost('node', 'file');

/** Locks as two processes have them: SQLite lets one process lock a file once, whoever asks. */
function aLock(t: Pick<TestContext, 'after'>, folder = aFolder(t)): BackendLock {
  return new BackendLock(openCoordinator({ folder, logger: silent }), folder, host, silent);
}

function counted(report_count: number): Service {
  return { report_count } as Service;
}

test('who has the lock, and finds the count that was last written, knows that no predecessor lives [R-06]', async (t) => {
  const folder = aFolder(t);
  const first = aLock(t, folder);
  await first.take();
  assert.equal(first.provesAlone(counted(7), false), false);
  await first.note(8);
  await first.release();

  const second = aLock(t, folder);
  assert.equal(second.provesAlone(counted(8), false), false);
  await second.take();

  assert.equal(second.provesAlone(counted(8), false), true);
  assert.equal(second.provesAlone(counted(7), false), true);
  assert.equal(second.provesAlone(counted(9), false), false);
  await second.release();
});

test('what was noted without the lock is noted when it is ours, for the next one [R-06]', async (t) => {
  const folder = aFolder(t);
  const [draining, next] = [aLock(t, folder), aLock(t, folder)];
  await draining.take();
  await draining.note(3);
  assert.equal(await next.take(), false);
  await next.note(5);
  await draining.release();

  await next.wait(AbortSignal.timeout(5000));
  await next.release();

  const last = aLock(t, folder);
  await last.take();
  assert.equal(last.provesAlone(counted(5), false), true);
  await last.release();
});

test('a count that cannot be noted is told once, and no failure: the next one does not find itself alone [R-06, L-128]', async (t) => {
  const folder = aFolder(t);
  const logger = aLogger();
  const lock = new BackendLock(openCoordinator({ folder, logger: silent }), folder, host, logger);
  await lock.take();
  await lock.note(6);
  const obstacle = join(folder, `${host}.lock.note.new`);
  mkdirSync(obstacle);

  await lock.note(7);
  await lock.note(8);
  const told = [...logger.lines];
  rmdirSync(obstacle);
  await lock.release();
  const next = aLock(t, folder);
  await next.take();

  assert.equal(told.length, 1, told.join('\n'));
  assert.match(told[0] ?? '', /^WARNING Reports are not noted in .*node@file\.lock\.note \(EISDIR: /);
  assert.equal(next.provesAlone(counted(8), false), false);
  await next.note(8);
  await next.release();
});
