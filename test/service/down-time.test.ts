import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveDownTime } from '../../src/service/down-time.ts';
import { recordedLogs } from '../support/logs.ts';

test('a down time that no heartbeat can meet is raised, a tight one is told of [L-098, L-09A, L-099]', () => {
  const { logs, at } = recordedLogs();
  const of = (report_interval: number, service_down_time: number): number =>
    effectiveDownTime({ report_interval, service_down_time }, logs('cinder.service'));

  assert.deepEqual([of(90, 60), of(10, 60), of(30, 60), of(0, 60)], [225, 60, 60, 60]);

  const [raised = '', tight = ''] = at('WARNING');
  assert.ok(
    raised.endsWith('report_interval for this: service is: 90. Setting global service_down_time to: 225'),
    raised,
  );
  assert.match(tight, /^One lost report makes the service look down: service_down_time 60 /);
  assert.equal(at('WARNING').length, 2);
});
