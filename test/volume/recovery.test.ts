import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseUtcTime } from '../../src/base/time.ts';
import type { NewVolume } from '../../src/interface/volume-table.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import type { Claims } from '../../src/volume/claim.ts';
import { adoptRows, cleanUp } from '../../src/volume/cleanup.ts';
import { HandoverWatch } from '../../src/volume/handover.ts';
import { snapshotKey, volumeKey } from '../../src/volume/resources.ts';
import { execute } from '../support/database.ts';
import { gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

const { signal } = new AbortController();

/** What a process that was killed in an operation leaves: the row in its transitional state, and our `workers` row. */
async function interrupted(manager: TestManager, changes: Partial<NewVolume>): Promise<string> {
  const volume = aVolume(changes);
  await manager.db.volumes.create(volume);
  await manager.db.workers.insert(volumeKey(volume.id), volume.status, manager.service.id);
  return volume.id;
}

async function statusOf(manager: TestManager, id: string): Promise<string | undefined> {
  return (await manager.db.volumes.get(id))?.status;
}

test('an interrupted blank create is made again, once; the second time it ends in error [manager 2.3, O-22]', async () => {
  await using manager = await testManager();
  const first = await interrupted(manager, { admin_metadata: { create_request: 'raw' } });
  const second = await interrupted(manager, { admin_metadata: { create_request: 'raw', interrupted_at: 'x' } });

  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, first), 'available');
  assert.equal(await statusOf(manager, second), 'error');
  assert.deepEqual(
    manager.calls.filter((call) => call.endsWith(first)),
    [`deleteVolume ${first}`, `createVolume ${first}`],
  );
  assert.equal((await manager.db.messages.ofResource(second))[0]?.action_id, '008');
  assert.deepEqual((await manager.db.volumes.get(first))?.admin_metadata, {});
  assert.deepEqual(
    manager.notes.map(({ id, action }) => [id, action]).sort(),
    [
      [first, 'made again'],
      [second, 'status error'],
    ].sort(),
  );
});

test('what the rows do not prove is failed, with a message, and never made blank [manager 2.3]', async () => {
  await using manager = await testManager();
  const perhapsAnImage = await interrupted(manager, {});
  const reEncrypted = await interrupted(manager, { source_volid: randomUUID(), encryption_key_id: randomUUID() });

  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, perhapsAnImage), 'error');
  assert.equal(await statusOf(manager, reEncrypted), 'error');
  assert.deepEqual(manager.calls, []);
});

test('a cut-off download, upload and re-image are told for what they are; an image’s volume is none of the others [manager 2.3]', async () => {
  await using manager = await testManager();
  const creating = await interrupted(manager, { status: 'downloading' });
  const launched_at = parseUtcTime('2026-11-01T00:00:00Z') ?? null;
  const reimaging = await interrupted(manager, { status: 'downloading', launched_at, previous_status: 'available' });
  const uploading = await interrupted(manager, { status: 'uploading', launched_at });

  await cleanUp(manager, { alone: true }, signal);

  const ends = await Promise.all(
    [creating, reimaging, uploading].map(async (id) => {
      const [message] = await manager.db.messages.ofResource(id);
      return [await statusOf(manager, id), `${message?.action_id}/${message?.detail_id}`];
    }),
  );
  assert.deepEqual(ends, [
    ['error', '008/001'],
    ['error', '016/001'],
    ['available', '003/004'],
  ]);
  assert.deepEqual(manager.calls, []);
});

test('a volume into which a backup is being restored is left to cinder-backup [manager 2.3, manager 2.6]', async (t) => {
  const file = join(aFolder(t), 'cinder.sqlite');
  await using manager = await testManager({}, {}, file);
  impatient(manager);
  const cutOff = await interrupted(manager, { admin_metadata: { create_request: 'raw' } });
  const never = await lost(manager, { admin_metadata: { create_request: 'raw' } });
  for (const id of [cutOff, never]) {
    const values = `'b-${id}', 'v', 'restoring', '${id}', 0`;
    execute(file, `insert into backups (id, volume_id, status, restore_volume_id, deleted) values (${values})`);
  }
  const watch = new HandoverWatch(manager, quiet);

  await cleanUp(manager, { alone: true }, signal);
  for (let look = 0; look < 3; look++) await watch.look(true, signal);

  for (const id of [cutOff, never]) assert.equal(await statusOf(manager, id), 'creating');
  assert.deepEqual(manager.calls, []);
  assert.equal(await manager.db.workers.find(volumeKey(cutOff)), undefined);
});

test('where the remains of a create cannot be removed it ends in error, and no row waits for ever [manager 2.3, O-22]', async () => {
  const sulking = async (): Promise<never> => {
    throw new Error('array is sulking');
  };
  await using manager = await testManager({ deleteVolume: sulking, deleteSnapshot: sulking });
  const blank = await interrupted(manager, { admin_metadata: { create_request: 'raw' } });
  const temporary = await interrupted(manager, { use_quota: false });
  const source = aVolume({ status: 'available' });
  await manager.db.volumes.create(source);
  const snapshot = randomUUID();
  await manager.db.snapshots.create({ id: snapshot, volume_id: source.id, volume_size: 1, status: 'creating' });
  await manager.db.workers.insert(snapshotKey(snapshot), 'creating', manager.service.id);

  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, blank), 'error');
  assert.equal(await statusOf(manager, temporary), 'error_deleting');
  assert.equal((await manager.db.snapshots.get(snapshot))?.status, 'error');
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
  assert.equal(manager.calls.filter((call) => call.startsWith('create')).length, 0);
});

test('upstream’s way is an option: every interrupted create ends in error [manager 2.3]', async () => {
  await using manager = await testManager();
  manager.settings = { ...manager.settings, cleanup_interrupted_creates: 'error' };
  const id = await interrupted(manager, { admin_metadata: { create_request: 'raw' } });

  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, id), 'error');
});

test('an interrupted copy is made again from its source, a delete is finished, an extend is told [manager 2.3]', async () => {
  await using manager = await testManager();
  const source = aVolume({ status: 'available' });
  await manager.db.volumes.create(source);
  const clone = await interrupted(manager, { source_volid: source.id });
  const deleting = await interrupted(manager, { status: 'deleting' });
  const extending = await interrupted(manager, { status: 'extending' });
  const temporary = await interrupted(manager, { use_quota: false });

  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, clone), 'available');
  assert.equal(await statusOf(manager, deleting), undefined);
  assert.equal(await statusOf(manager, extending), 'error_extending');
  assert.equal(await statusOf(manager, temporary), undefined);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('interrupted snapshots are made again or deleted [manager 2.3]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'available' });
  await manager.db.volumes.create(volume);
  const ids = { creating: randomUUID(), deleting: randomUUID() };
  for (const [status, id] of Object.entries(ids)) {
    await manager.db.snapshots.create({ id, volume_id: volume.id, volume_size: 1, status: status as 'creating' });
    await manager.db.workers.insert(snapshotKey(id), status, manager.service.id);
  }

  await cleanUp(manager, { alone: true }, signal);

  assert.equal((await manager.db.snapshots.get(ids.creating))?.status, 'available');
  assert.equal(await manager.db.snapshots.get(ids.deleting), undefined);
});

/** A snapshot of a volume that servers use, in the making when the process died; `interrupted_at` where it was so before. */
async function aCutOffSnapshot(manager: TestManager, changes: { attach_status?: string; before?: boolean } = {}) {
  const volume = aVolume({ status: 'in-use', attach_status: changes.attach_status ?? 'attached' });
  const id = randomUUID();
  const admin_metadata = changes.before ? { [`interrupted_at ${id}`]: 'x' } : {};
  await manager.db.volumes.create({ ...volume, admin_metadata });
  await manager.db.snapshots.create({ id, volume_id: volume.id, volume_size: 1, status: 'creating', project_id: 'p1' });
  await manager.db.workers.insert(snapshotKey(id), 'creating', manager.service.id);
  return { id, volume };
}

test('a snapshot that Nova takes is never made again or deleted: one that Nova has taken ends well [manager 2.3]', async () => {
  await using manager = await testManager({ finishSnapshot: async () => ({ provider_location: 'noted' }) });
  manager.settings = { ...manager.settings, cleanup_interrupted_creates: 'error' };
  const first = await aCutOffSnapshot(manager);
  const second = await aCutOffSnapshot(manager, { before: true });

  await cleanUp(manager, { alone: true }, signal);

  for (const { id, volume } of [first, second]) {
    const row = await manager.db.snapshots.get(id);
    assert.deepEqual([row?.status, row?.progress, row?.provider_location], ['available', '100%', 'noted']);
    assert.deepEqual((await manager.db.volumes.get(volume.id))?.admin_metadata, {});
  }
  assert.deepEqual([...manager.calls].sort(), [first, second].map(({ id }) => `finishSnapshot ${id}`).sort());
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
  assert.equal(manager.notes[0]?.action, 'finished');
});

test('one that Nova has not taken is in error with a message, and its files are left [manager 2.3]', async () => {
  const finishSnapshot = () => Promise.reject(new Error('was cut off'));
  await using manager = await testManager({ finishSnapshot });
  const { id } = await aCutOffSnapshot(manager);

  await cleanUp(manager, { alone: true }, signal);

  assert.equal((await manager.db.snapshots.get(id))?.status, 'error');
  const [message] = await manager.db.messages.ofResource(id);
  assert.deepEqual([message?.action_id, message?.detail_id], ['009', '013']);
  assert.deepEqual(manager.calls, [`finishSnapshot ${id}`]);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('snapshots of that driver are made again while no server has the volume [manager 2.3]', async () => {
  await using manager = await testManager({ finishSnapshot: async () => ({}) });
  const { id } = await aCutOffSnapshot(manager, { attach_status: 'detached' });

  await cleanUp(manager, { alone: true }, signal);

  assert.equal((await manager.db.snapshots.get(id))?.status, 'available');
  assert.deepEqual(manager.calls, [`deleteSnapshot ${id}`, `createSnapshot ${id}`]);
});

test('a fresh row may belong to a predecessor that drains: it is left alone and looked at again [O-03, R-06]', async () => {
  await using manager = await testManager();
  const id = await interrupted(manager, { status: 'deleting' });

  assert.equal(await cleanUp(manager, { alone: false }, signal), true);
  assert.equal(await statusOf(manager, id), 'deleting');
  assert.equal(await cleanUp(manager, { alone: true }, signal), false);
  assert.equal(await statusOf(manager, id), undefined);
});

test('a row that no longer says anything about its resource is removed [database 5.5]', async () => {
  await using manager = await testManager();
  const done = aVolume({ status: 'available' });
  await manager.db.volumes.create(done);
  await manager.db.workers.insert(volumeKey(done.id), 'creating', manager.service.id);
  await manager.db.workers.insert(volumeKey(randomUUID()), 'deleting', manager.service.id);

  await cleanUp(manager, { alone: true }, signal);

  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
  assert.equal(await statusOf(manager, done.id), 'available');
});

test('an operation that claimed its resource while the rows were read is left at work [R-07, database 5.5]', async () => {
  const making = gate();
  await using manager = await testManager({
    createVolume: async () => {
      await making.passed;
      return {};
    },
  });
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const claims = Object.create(manager.claims, {
    // The row is read, then the claim of the message becomes known: as when both come at once.
    holds: { value: (key: Parameters<Claims['holds']>[0]) => asked++ > 0 && manager.claims.holds(key) },
  }) as Claims;
  let asked = 0;
  const creating = send(manager, 'create_volume', { volume: volumeCodec.encode({ id: volume.id }) });
  await eventually('it runs', () => manager.calls.length === 1);

  await cleanUp({ ...manager, claims }, { alone: true }, signal);
  making.open();
  await creating;

  assert.equal(await statusOf(manager, volume.id), 'available');
  assert.deepEqual(manager.calls, [`createVolume ${volume.id}`]);
});

test('a volume that has moved to another backend is nothing to our driver; its row goes [manager 2.3]', async () => {
  await using manager = await testManager();
  const id = await interrupted(manager, { status: 'deleting', host: 'node1@nfs#pool' });

  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, id), 'deleting');
  assert.deepEqual(manager.calls, []);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('a create that was handed back is the scheduler’s: only a crash in between makes it an error [manager 4.3]', async () => {
  await using manager = await testManager();
  const id = await interrupted(manager, { host: null });

  await cleanUp(manager, { alone: true, meanwhile: true }, signal);
  assert.equal(await statusOf(manager, id), 'creating');
  await cleanUp(manager, { alone: true }, signal);

  assert.equal(await statusOf(manager, id), 'error');
  assert.equal((await manager.db.messages.ofResource(id))[0]?.action_id, '001');
});

test('do_cleanup adopts the rows that the request means, and only those [database 5.6, rpc 2.3]', async () => {
  await using manager = await testManager();
  const meant = await interrupted(manager, { status: 'deleting' });
  const other = await interrupted(manager, { status: 'deleting' });

  const adopted = await adoptRows(manager, { resource_id: meant });
  await cleanUp(manager, { adopted }, signal);

  assert.equal(await statusOf(manager, meant), undefined);
  assert.equal(await statusOf(manager, other), 'deleting');
});

/** An inbox whose queues are empty and whose consumers were never lost. */
const quiet = { breaks: () => 0, isEmpty: async () => true };

async function lost(manager: TestManager, changes: Partial<NewVolume>, handedOver = true): Promise<string> {
  const volume = aVolume(changes);
  await manager.db.volumes.create(volume);
  if (handedOver) await manager.db.workers.handOver(volumeKey(volume.id), volume.status);
  return volume.id;
}

/** A grace so short that the next look is the second one. */
function impatient(manager: TestManager): void {
  manager.settings = { ...manager.settings, handover_grace: 0.000001 };
}

test('a request whose message never came is taken up at the second look [manager 2.6]', async () => {
  await using manager = await testManager();
  impatient(manager);
  const blank = await lost(manager, { admin_metadata: { create_request: 'raw' } });
  const deleting = await lost(manager, { status: 'deleting' });
  const unknown = await lost(manager, {});
  const extending = await lost(manager, { status: 'extending', previous_status: 'available' }, false);
  const watch = new HandoverWatch(manager, quiet);

  assert.equal(await watch.look(true, signal), true);
  assert.equal(await statusOf(manager, blank), 'creating');
  await watch.look(true, signal);

  assert.equal(await statusOf(manager, blank), 'available');
  assert.equal(await statusOf(manager, deleting), undefined);
  assert.equal(await statusOf(manager, unknown), 'error');
  assert.equal(await statusOf(manager, extending), 'available');
  assert.equal(await watch.look(true, signal), false);
});

test('a row that moves between the looks, a lost consumer or a waiting message leave it alone [manager 2.6]', async () => {
  await using manager = await testManager();
  impatient(manager);
  const id = await lost(manager, { status: 'deleting' });
  let breaks = 0;
  const inbox = { breaks: () => breaks, isEmpty: async () => true };
  const watch = new HandoverWatch(manager, inbox);

  await watch.look(true, signal);
  breaks++;
  await watch.look(true, signal);
  assert.equal(await statusOf(manager, id), 'deleting');
  inbox.isEmpty = async () => false;
  await watch.look(true, signal);
  assert.equal(await statusOf(manager, id), 'deleting');
  await manager.db.workers.handOver(volumeKey(id), 'deleting');
  inbox.isEmpty = async () => true;
  await watch.look(true, signal);
  assert.equal(await statusOf(manager, id), 'deleting');
  await watch.look(true, signal);
  assert.equal(await statusOf(manager, id), undefined);
});

test('what another cinder-volume holds, another host has, or a group carries is not touched [manager 2.6]', async () => {
  await using manager = await testManager();
  impatient(manager);
  const other = await manager.db.services.register({
    host: 'node2@lvm' as never,
    binary: 'cinder-volume',
    topic: 'cinder-volume',
    availability_zone: 'nova',
    disabled: false,
    cluster_name: null,
    rpc_current_version: '3.18',
    object_current_version: '1.39',
  });
  const held = await lost(manager, { status: 'deleting' }, false);
  await manager.db.workers.insert(volumeKey(held), 'deleting', other.id);
  const neighbours = await lost(manager, { status: 'deleting', host: 'node1@lvm_2#pool' });
  const watch = new HandoverWatch(manager, quiet);

  for (let look = 0; look < 3; look++) await watch.look(true, signal);

  for (const id of [held, neighbours]) assert.equal(await statusOf(manager, id), 'deleting');
});

test('a look between the whole ones sees the handed-over rows alone [manager 2.6]', async () => {
  await using manager = await testManager();
  impatient(manager);
  const withRow = await lost(manager, { status: 'deleting' });
  const without = await lost(manager, { status: 'deleting' }, false);
  const watch = new HandoverWatch(manager, quiet);

  for (let look = 0; look < 3; look++) await watch.look(false, signal);

  assert.equal(await statusOf(manager, withRow), undefined);
  assert.equal(await statusOf(manager, without), 'deleting');
});

test('what a scheduler may still have is not lost: one is up, and has nothing left, at both looks [manager 2.6]', async () => {
  await using manager = await testManager();
  impatient(manager);
  const extending = await lost(manager, { status: 'extending', previous_status: 'available' }, false);
  const deleting = await lost(manager, { status: 'deleting' });
  let idle = false;
  const watch = new HandoverWatch(manager, { breaks: () => 0, isEmpty: async (_, scheduled) => !scheduled || idle });

  for (let look = 0; look < 3; look++) assert.equal(await watch.look(true, signal), true);
  assert.equal(await statusOf(manager, deleting), undefined);
  assert.equal(await statusOf(manager, extending), 'extending');
  idle = true;
  await watch.look(true, signal);
  assert.equal(await statusOf(manager, extending), 'extending');
  await watch.look(true, signal);

  assert.equal(await statusOf(manager, extending), 'available');
});

test('one lost request that takes its time does not hold up the others [manager 2.6]', async () => {
  const making = gate();
  await using manager = await testManager({
    createVolume: async () => {
      await making.passed;
      return {};
    },
  });
  impatient(manager);
  await lost(manager, { id: '00000000-0000-4000-8000-000000000000', admin_metadata: { create_request: 'raw' } });
  const deleting = await lost(manager, { status: 'deleting' });
  const watch = new HandoverWatch(manager, quiet);

  await watch.look(true, signal);
  const look = watch.look(true, signal);
  await eventually('the other one is deleted', async () => (await statusOf(manager, deleting)) === undefined);
  making.open();
  await look;
});
