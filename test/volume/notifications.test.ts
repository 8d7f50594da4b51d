import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminContext } from '../../src/objects/context.ts';
import { notifyVolume } from '../../src/volume/notifications.ts';
import { testManager } from '../support/manager.ts';
import { aVolume } from '../support/resources.ts';
import { recordedHost } from '../support/volume-wire.ts';
import { capturedMessages } from '../support/wire.ts';

test('a volume is told of as recorded: fields, publisher and event, a time without a zone where no row has one [manager 14]', async () => {
  const recorded = capturedMessages('40-notifications-create')
    .map(({ message }) => message)
    .filter(({ event_type }) => event_type !== undefined);
  assert.equal(recorded.length, 2);
  await using manager = await testManager();
  const { db } = manager;

  for (const { publisher_id, event_type, payload } of recorded) {
    const told = payload as Record<string, unknown>;
    const at = (key: string) => String(told[key]).replace(/\+00:00$/, '') as never;
    const sent: unknown[] = [];
    const notifier = {
      enabled: true,
      info: async (_: unknown, publisher: string, event: string, body: unknown) => {
        sent.push({ publisher, event, body });
      },
    };
    const volume = aVolume({
      id: String(told['volume_id']),
      host: String(told['host']),
      project_id: String(told['tenant_id']),
      user_id: String(told['user_id']),
      volume_type_id: String(told['volume_type']),
      display_name: String(told['display_name']),
      status: String(told['status']),
      created_at: at('created_at'),
      launched_at: told['status'] === 'creating' ? null : at('launched_at'),
    });

    await notifyVolume(
      { notifier, host: recordedHost, db },
      adminContext(),
      String(event_type).slice('volume.'.length),
      volume,
    );

    const [only] = sent as { publisher: string; event: string; body: Record<string, unknown> }[];
    assert.deepEqual([only?.publisher, only?.event], [publisher_id, event_type]);
    const form = (body: Record<string, unknown> | undefined) => ({
      ...body,
      launched_at: zoneOf(body?.['launched_at']),
    });
    assert.deepEqual(form(only?.body), form(told));
  }
});

test('a database that is away spoils no operation because of what is told of it [manager 14]', async () => {
  await using manager = await testManager();
  const sent: unknown[] = [];
  const notifier = {
    enabled: true,
    info: async (_: unknown, _publisher: string, event: string) => void sent.push(event),
  };
  const away = async () => Promise.reject(new Error('no database'));
  const db = { volumes: { ...manager.db.volumes, get: away, glanceMetadataRows: away } };

  await notifyVolume({ notifier, host: recordedHost, db }, adminContext(), 'delete.end', aVolume());

  assert.deepEqual(sent, ['volume.delete.end']);
});

/** What follows the fraction of a second. */
function zoneOf(time: unknown): string | undefined {
  return /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}(.*)$/.exec(String(time))?.[1];
}
