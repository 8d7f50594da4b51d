import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import type { DatabaseBench } from '../../support/database-bench.ts';

export function messageTableSuite(bench: DatabaseBench): void {
  test('a message gets its event id, its level and the time it may be read until [database 3.13, manager 15]', async (t) => {
    const { db, rows } = await bench.open(t, { message_ttl: 60 });
    const id = randomUUID();
    const message = {
      project_id: 'p',
      request_id: 'req-1',
      resource_type: 'VOLUME',
      resource_uuid: id,
      action_id: '008',
      detail_id: '012',
    } as const;

    await db.messages.create(message);
    await bench.nextMoment();
    await db.messages.create({ ...message, resource_type: 'VOLUME_SNAPSHOT', action_id: '009', detail_id: '013' });
    await bench.nextMoment();
    await db.messages.create({ ...message, resource_uuid: 'other' });

    assert.deepEqual(await db.messages.ofResource(id), [
      message,
      { ...message, resource_type: 'VOLUME_SNAPSHOT', action_id: '009', detail_id: '013' },
    ]);
    const [first, second] = await rows('select * from messages order by created_at');
    assert.deepEqual(
      [first?.['event_id'], first?.['message_level'], first?.['deleted'], first?.['updated_at'], second?.['event_id']],
      ['VOLUME_VOLUME_008_012', 'ERROR', 0, null, 'VOLUME_VOLUME_SNAPSHOT_009_013'],
    );
    assert.equal(Date.parse(`${first?.['expires_at']}Z`) - Date.parse(`${first?.['created_at']}Z`), 60_000);
  });
}
