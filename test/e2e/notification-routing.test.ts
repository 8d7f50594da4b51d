import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aDaemon, aRunningDaemon, fakeBackend } from '../support/daemon.ts';
import { aFolder } from '../support/folder.ts';

/** A configuration with the driver `routing`, by the rules of `text`. */
function routingBy(file: string, text: string) {
  writeFileSync(file, text);
  return {
    backends: { one: fakeBackend() },
    defaults: { routing_config: file },
    sections: { oslo_messaging_notifications: { driver: 'routing' } },
  };
}

test('notifications go where the rules of routing_config send them [L-094]', async (t) => {
  const rules = 'deletions: {log: {accepted_events: ["volume.create.end", "*.delete.*"]}}';
  const daemon = await aRunningDaemon(t, routingBy(join(aFolder(t), 'routing.yaml'), rules));

  await daemon.ask('volume', 'create', '--size', '1', '--wait', 'v');
  await daemon.does('volume', 'delete', 'v', '--wait');

  await daemon.logs(/ oslo\.messaging\.notification\.volume\.delete\.end /);
  const told = daemon.logged(/ INFO oslo\.messaging\.notification\.volume/).map((line) => / oslo[^ ]*/.exec(line)?.[0]);
  assert.deepEqual(
    told,
    ['create.end', 'delete.start', 'delete.end'].map((event) => ` oslo.messaging.notification.volume.${event}`),
  );
});

test('rules that cannot be read keep the backend from serving, and the log says where they stand [L-094]', async (t) => {
  const file = join(aFolder(t), 'routing.yaml');
  const daemon = aDaemon(t, routingBy(file, 'a: {carrier-pigeon: {}}'));
  daemon.start();

  const line = await daemon.logs(/ ERROR .*routing_config: 'carrier-pigeon' is not supported; use one of /);

  assert.ok(line.includes(' ERROR '), line);
});
