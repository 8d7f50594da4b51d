import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Session } from '../../src/cli/session.ts';
import { deleteVolume, extendVolume } from '../../src/cli/volume-change.ts';
import type { Database } from '../../src/interface/database.ts';
import { aNewSnapshot, aNewVolume, openTestDatabase } from '../support/database.ts';

/** What a command works with, on a database in memory; `cast` stands for the way to the service. */
async function aSession(t: Pick<TestContext, 'after'>, cast: (db: Database) => Promise<void>): Promise<Session> {
  const db = await openTestDatabase(t);
  return {
    db,
    node: 'node',
    address: '127.0.0.1',
    downTime: 60,
    whereToLook: 'the log',
    owner: { user_id: 'user', project_id: 'project' },
    poolNameOf: (backend) => backend,
    status: () => Promise.reject(new Error('no daemon runs')),
    cast: async () => {
      await cast(db);
      return 'accepted';
    },
    call: () => Promise.reject(new Error('no daemon runs')),
    [Symbol.asyncDispose]: async () => {},
  };
}

test('a volume is not deleted under a snapshot that was asked for while the command looked [manager 5]', async (t) => {
  const session = await aSession(t, async () => {});
  const volume = aNewVolume();
  await session.db.volumes.create(volume);
  const { snapshots } = session.db;
  const db = { ...session.db, snapshots: { ...snapshots, ofVolume: lookedBefore(session.db, volume.id) } };

  await assert.rejects(deleteVolume({ ...session, db }, volume.id, false), /are other ones now; look again/);

  assert.equal((await session.db.volumes.get(volume.id))?.status, 'available');
  assert.equal((await session.db.snapshots.ofVolume(volume.id))[0]?.status, 'creating');
});

/** Looks at the snapshots of a volume, and lets somebody ask for one right after. */
function lookedBefore(db: Database, id: string): Database['snapshots']['ofVolume'] {
  return async () => {
    const seen = await db.snapshots.ofVolume(id);
    await db.snapshots.create(aNewSnapshot({ id, size: 1 }, { id: randomUUID(), status: 'creating' }));
    return seen;
  };
}

test('an extend whose message came when it had been taken back is no success [manager 2.6, M-64]', async (t) => {
  const session = await aSession(t, async (db) => {
    for (const { id } of await db.volumes.list({ limit: 1 })) await db.volumes.update(id, { status: 'available' });
  });
  const volume = aNewVolume();
  await session.db.volumes.create(volume);

  await assert.rejects(extendVolume(session, volume.id, '2'), /too late, and was taken back; nothing was changed/);
});
