import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MethodClass } from '../../src/interface/rpc.ts';
import { requestOf } from '../../src/messaging/envelope.ts';
import { Job } from '../../src/messaging/job.ts';
import { RunningTable } from '../../src/messaging/running-table.ts';
import { aCast } from '../support/service.ts';

function aJob(kind: MethodClass = 'work'): Job {
  return new Job(requestOf(aCast('x')), {
    since: '3.0',
    class: kind,
    request: () => ({ about: '', record: async () => undefined }),
  });
}

test('a request is known while it runs, and for an hour after its end [R-08]', () => {
  let now = 0;
  const table = new RunningTable(() => now);
  const job = aJob();
  assert.equal(table.find('a'), undefined);

  table.begin('a', job);
  assert.equal(table.find('a'), job);
  table.end('a', 'work');
  now = 60 * 60_000 - 1;
  assert.equal(table.find('a'), 'ended');
  now += 1;
  assert.equal(table.find('a'), undefined);
});

test('at least 4096 that ended are known, however many follow; reads do not push work out [R-08]', () => {
  const table = new RunningTable(() => 0);
  const end = (id: string, kind: MethodClass): void => {
    table.begin(id, aJob(kind));
    table.end(id, kind);
  };
  for (let at = 0; at < 4096; at++) end(`w${at}`, 'work');
  for (let at = 0; at < 50_000; at++) end(`r${at}`, 'repeatable');

  assert.deepEqual([table.find('w0'), table.find('w4095')], ['ended', 'ended']);
  assert.deepEqual([table.find('r45904'), table.find('r45903')], ['ended', undefined]);
  for (let at = 0; at < 10_000; at++) end(`x${at}`, 'state');
  assert.equal(table.find('w0'), undefined);
});

test('what never began may come anew [R-13, R-14]', () => {
  const table = new RunningTable();
  table.begin('a', aJob());

  table.forget('a');

  assert.equal(table.find('a'), undefined);
});
