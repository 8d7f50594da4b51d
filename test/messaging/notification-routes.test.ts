import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readRoutes } from '../../src/messaging/notification-routes.ts';
import { aFolder } from '../support/folder.ts';

async function rules(t: TestContext, text: string) {
  const file = join(aFolder(t), 'routing.yaml');
  await writeFile(file, text);
  return readRoutes(file);
}

test('a rule takes what fits one of its patterns of each kind, and everything where it has none [L-094]', async (t) => {
  const [both, none, never, ...more] = await rules(
    t,
    `
group_1:
  messagingv2:
    accepted_events: ['volume.*', group.create.end]
    accepted_priorities: [INFO]
  log: {}
group_2:
  log:
    accepted_events: []
group_3:
`,
  );

  assert.deepEqual([both?.driver, none?.driver, never?.driver, more], ['messagingv2', 'log', 'log', []]);
  const takes = (event: string, priority = 'info') => both?.accepts(event, priority);
  assert.deepEqual(
    [takes('volume.create.end'), takes('group.create.end'), takes('group.create.start'), takes('volume.x', 'error')],
    [true, true, false, false],
  );
  assert.equal(none?.accepts('anything', 'error'), true);
  assert.equal(never?.accepts('anything', 'info'), false);
});

test('an empty file has no rules [L-094]', async (t) => {
  assert.deepEqual(await rules(t, '# nothing yet\n'), []);
});

test('a file that is missing, broken or says something else is an error that names it [L-094]', async (t) => {
  await assert.rejects(readRoutes(join(aFolder(t), 'absent.yaml')), /routing_config .*absent\.yaml: ENOENT/);
  const cases: [string, RegExp][] = [
    ['a: {b: [', /routing\.yaml: .*line 1/s],
    ['- log', /routing\.yaml: groups: expected a mapping/],
    ['a: log', /routing\.yaml: a: expected a mapping/],
    ['a: {log: x}', /routing\.yaml: a\.log: expected a mapping/],
    ['a: {log: {accepted_events: volume.*}}', /routing\.yaml: accepted_events: expected a list of patterns/],
    ['a: {log: {accepted_priorities: [1]}}', /routing\.yaml: accepted_priorities: expected a list of patterns/],
    ['a: {log: {accepted_events: ["[c-a]"]}}', /routing\.yaml: Invalid regular expression/],
  ];
  for (const [text, message] of cases) await assert.rejects(rules(t, text), message, text);
});
