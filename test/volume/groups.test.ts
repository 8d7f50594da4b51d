import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { VolumeIsBusy } from '../../src/objects/exceptions.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { HandoverWatch } from '../../src/volume/handover.ts';
import { groupKey, groupSnapshotKey } from '../../src/volume/resources.ts';
import { execute } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';
import { aVolume, host, send, type TestManager, testManager } from '../support/manager.ts';
import { recordedHost, recordedRequests, withVolumeWire } from '../support/volume-wire.ts';

const never = new AbortController().signal;
const file = '25-groups';

interface Setting {
  readonly manager: TestManager;
  /** Writes the row of a group; `columns` are SQL texts. */
  group(columns?: Readonly<Record<string, string>>): string;
  groupSnapshot(group: string, columns?: Readonly<Record<string, string>>): string;
}

async function setting(
  t: TestContext,
  answers: Parameters<typeof testManager>[0] = {},
  changes: Parameters<typeof testManager>[1] = {},
): Promise<Setting> {
  const path = join(aFolder(t), 'cinder.sqlite');
  const manager = await testManager(answers, changes, path);
  t.after(() => manager[Symbol.asyncDispose]());
  const insert = (table: string, columns: Readonly<Record<string, string>>): string => {
    const row = { id: randomUUID(), user_id: 'u1', project_id: 'p1', status: 'creating', ...columns };
    const values = Object.values(row).map((value) => `'${value}'`);
    execute(path, `insert into "${table}" (${Object.keys(row).join(', ')}, deleted) values (${values.join(', ')}, 0)`);
    return row.id;
  };
  return {
    manager,
    group: (columns = {}) => insert('groups', { host: `${changes.host ?? host}#pool`, ...columns }),
    groupSnapshot: (group_id, columns = {}) => insert('group_snapshots', { group_id, ...columns }),
  };
}

function object(name: string, version: string, id: string) {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': version,
    'versioned_object.data': { id, group_id: id },
  };
}

const groupOf = (id: string) => ({ group: object('Group', '1.2', id) });
const groupSnapshotOf = (id: string) => ({ group_snapshot: object('GroupSnapshot', '1.0', id) });

async function volumeIn(manager: TestManager, group_id: string | null, changes: Parameters<typeof aVolume>[0] = {}) {
  const volume = aVolume({ status: 'available', group_id, host: `${manager.host}#pool`, ...changes });
  await manager.db.volumes.create(volume);
  return volume.id;
}

async function snapshotIn(manager: TestManager, volume_id: string, group_snapshot_id: string, status = 'creating') {
  const id = randomUUID();
  const snapshot = { id, volume_id, group_snapshot_id, volume_size: 1, status: status as 'creating', project_id: 'p1' };
  await manager.db.snapshots.create(snapshot);
  return id;
}

const statusOf = async (manager: TestManager, id: string) => (await manager.db.volumes.get(id))?.status;

/** The id of the object in an argument of a recorded request. */
function idIn(request: { message: Readonly<Record<string, unknown>> } | undefined, argument: string): string {
  const args = request?.message['args'] as Record<string, { 'versioned_object.data': { id: string } }>;
  return args[argument]?.['versioned_object.data'].id ?? '';
}

test('a group lives over the wire as recorded: made, snapshotted, copied, changed, deleted [manager 11, rpc 4.4]', async (t) => {
  const { manager, group, groupSnapshot } = await setting(t, {}, { host: recordedHost });
  const { db } = manager;
  const one = (method: string) => {
    const [request] = recordedRequests(file, method).filter(({ routing_keys }) =>
      routing_keys[0]?.startsWith('cinder-volume'),
    );
    assert.ok(request, method);
    return request;
  };
  const create = one('create_group');
  const id = group({ id: idIn(create, 'group') });
  const update = recordedRequests(file, 'update_group');
  const ids = update[0]?.message['args'] as { remove_volumes: string };
  const member = await volumeIn(manager, id, { id: ids.remove_volumes });

  await withVolumeWire(manager, async (wire) => {
    await wire.cast(create);
    assert.equal((await db.groups.get(id))?.status, 'available');

    const snap = one('create_group_snapshot');
    const gs = groupSnapshot(id, { id: idIn(snap, 'group_snapshot') });
    const snapshot = await snapshotIn(manager, member, gs);
    await wire.cast(snap);
    assert.equal((await db.groupSnapshots.get(gs))?.status, 'available');
    assert.equal((await db.snapshots.get(snapshot))?.status, 'available');

    const copy = one('create_group_from_src');
    const second = group({ id: idIn(copy, 'group'), group_snapshot_id: gs });
    const copied = await volumeIn(manager, second, { status: 'creating', snapshot_id: snapshot });
    await wire.cast(copy);
    assert.deepEqual(
      [(await db.groups.get(second))?.status, await statusOf(manager, copied)],
      ['available', 'available'],
    );

    await db.groupSnapshots.update(gs, { status: 'deleting' });
    await db.snapshots.update(snapshot, { status: 'deleting' });
    await wire.cast(one('delete_group_snapshot'));
    assert.equal(await db.groupSnapshots.get(gs), undefined);
    assert.equal(await db.snapshots.get(snapshot), undefined);

    for (const [at, expected] of [null, id].entries()) {
      const request = update[at];
      assert.ok(request);
      await db.groups.update(id, { status: 'updating' });
      await wire.cast(request);
      assert.equal((await db.volumes.get(member))?.group_id, expected);
    }

    for (const request of recordedRequests(file, 'delete_group')) {
      await db.groups.update(idIn(request, 'group'), { status: 'deleting' });
      await wire.cast(request);
      assert.equal(await db.groups.get(idIn(request, 'group')), undefined);
    }
  });
  for (const volume of [member, copied(manager)]) assert.equal(await statusOf(manager, volume), undefined);
  assert.deepEqual(await db.workers.ofService(manager.service.id), []);
});

/** The volume that was made from a snapshot. */
function copied(manager: TestManager): string {
  return manager.calls.find((call) => call.startsWith('createVolumeFromSnapshot '))?.split(' ')[1] ?? '';
}

test('a group whose volume is attached is not deleted, and waits for nobody [manager 11.2]', async (t) => {
  const { manager, group } = await setting(t);
  const id = group({ status: 'deleting' });
  await volumeIn(manager, id, { attach_status: 'attached' });

  await assert.rejects(send(manager, 'delete_group', groupOf(id)), { name: 'VolumeAttached' });

  assert.equal((await manager.db.groups.get(id))?.status, 'deleting');
  assert.deepEqual(manager.calls, []);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('what the backend keeps of a group keeps its row [manager 11.2]', async (t) => {
  const busy = new Set<string>();
  const { manager, group } = await setting(t, {
    deleteVolume: async ({ id }) => {
      if (busy.has(id)) throw new VolumeIsBusy({ volume_name: id });
    },
  });
  const id = group({ status: 'deleting' });
  const [kept, gone] = [await volumeIn(manager, id), await volumeIn(manager, id)];
  busy.add(kept);

  await assert.rejects(send(manager, 'delete_group', groupOf(id)), { name: 'VolumeDriverException' });

  assert.deepEqual([await statusOf(manager, kept), await statusOf(manager, gone)], ['available', undefined]);
  assert.equal((await manager.db.groups.get(id))?.status, 'error');
});

test('volumes that cannot be added change nothing [manager 11.3]', async (t) => {
  const { manager, group } = await setting(t);
  const id = group({ status: 'updating' });
  const [free, busy] = [await volumeIn(manager, null), await volumeIn(manager, null, { status: 'extending' })];

  for (const add_volumes of [`${free},${busy}`, `${free},${randomUUID()}`]) {
    const args = { ...groupOf(id), add_volumes, remove_volumes: '' };
    await assert.rejects(send(manager, 'update_group', args), { name: 'InvalidVolume' });
  }

  assert.equal((await manager.db.volumes.get(free))?.group_id, null);
  assert.equal((await manager.db.groups.get(id))?.status, 'updating');
});

test('a group is copied from another one; a source that is not available leaves everything in error [manager 11.4]', async (t) => {
  const { manager, group } = await setting(t);
  const from = group({ status: 'available' });
  const source = await volumeIn(manager, from);
  const good = group({ source_group_id: from });
  const copy = await volumeIn(manager, good, { status: 'creating', source_volid: source });
  const bad = group({ source_group_id: from });
  const never = await volumeIn(manager, bad, { status: 'creating', source_volid: source });

  const args = { group_snapshot: null, source_group: object('Group', '1.2', from) };
  await send(manager, 'create_group_from_src', { ...groupOf(good), ...args });
  await manager.db.volumes.update(source, { status: 'extending' });
  await assert.rejects(send(manager, 'create_group_from_src', { ...groupOf(bad), ...args }), { name: 'InvalidGroup' });

  assert.deepEqual(manager.calls, [`createClonedVolume ${copy}`]);
  assert.deepEqual([await statusOf(manager, copy), await statusOf(manager, never)], ['available', 'error']);
  assert.equal((await manager.db.groups.get(bad))?.status, 'error');
});

test('one snapshot that cannot be made leaves the group snapshot in error, and the others as they are [manager 11.5]', async (t) => {
  const broken = new Set<string>();
  const { manager, group, groupSnapshot } = await setting(t, {
    createSnapshot: async ({ id }) => {
      if (broken.has(id)) throw new Error('no space');
      return {};
    },
  });
  const id = group({ status: 'available' });
  const gs = groupSnapshot(id);
  const volumes = [await volumeIn(manager, id), await volumeIn(manager, id)];
  const [good = '', bad = ''] = await Promise.all(volumes.map((volume) => snapshotIn(manager, volume, gs)));
  broken.add(bad);

  await assert.rejects(send(manager, 'create_group_snapshot', groupSnapshotOf(gs)), { name: 'VolumeDriverException' });

  const { db } = manager;
  assert.deepEqual(
    [
      (await db.groupSnapshots.get(gs))?.status,
      (await db.snapshots.get(good))?.status,
      (await db.snapshots.get(bad))?.status,
    ],
    ['error', 'available', 'error'],
  );
});

test('replication is the driver’s; one that has none leaves group and volumes in error [manager 11.7]', async (t) => {
  const told = async () => [];
  const replicating = await setting(t, {
    enableReplication: told,
    disableReplication: told,
    failoverReplication: async (_group, volumes) =>
      volumes.map(({ id }) => ({ id, updates: { provider_id: 'there' } })),
  });
  const plain = await setting(t);
  const enabling = { status: 'available', replication_status: 'enabling' };

  for (const { manager, group } of [replicating, plain]) {
    const id = group(enabling);
    const volume = await volumeIn(manager, id, { replication_status: 'enabling' });
    const result = send(manager, 'enable_replication', groupOf(id));
    const works = manager === replicating.manager;
    if (works) await result;
    else await assert.rejects(result, { name: 'ReplicationGroupError' });
    const [row, member] = [await manager.db.groups.get(id), await manager.db.volumes.get(volume)];
    const expected = works ? ['available', 'enabled', 'enabled'] : ['error', 'error', 'error'];
    assert.deepEqual([row?.status, row?.replication_status, member?.replication_status], expected);
  }

  const { manager, group } = replicating;
  const id = group({ status: 'available', replication_status: 'failing-over' });
  const volume = await volumeIn(manager, id, { status: 'in-use', replication_status: 'failing-over' });
  const failover = { ...groupOf(id), secondary_backend_id: 'site2' };
  await assert.rejects(send(manager, 'failover_replication', failover), { name: 'InvalidVolume' });
  await send(manager, 'failover_replication', { ...failover, allow_attached_volume: true });
  const member = await manager.db.volumes.get(volume);
  assert.deepEqual([member?.replication_status, member?.provider_id], ['failed-over', 'there']);
});

test('targets of replication are listed whole to an administrator [manager 11.7]', async (t) => {
  const { manager, group } = await setting(t);
  const target = { backend_id: 'site2', password: 'x' };
  manager.settings = { ...manager.settings, replication_device: [target] };
  const id = group();

  assert.deepEqual(await send(manager, 'list_replication_targets', groupOf(id)), { replication_targets: [target] });
  await assert.rejects(send(manager, 'list_replication_targets', groupOf(randomUUID())), {
    name: 'VolumeBackendAPIException',
  });
});

test('group work that a crash cut off is failed, or deleted again [manager 2.3]', async (t) => {
  const { manager, group, groupSnapshot } = await setting(t);
  const { db, service } = manager;
  const creating = group();
  const member = await volumeIn(manager, creating, { status: 'creating' });
  const deleting = group({ status: 'deleting' });
  const enabling = group({ status: 'available', replication_status: 'enabling' });
  const gs = groupSnapshot(enabling);
  const going = groupSnapshot(enabling, { status: 'deleting' });
  for (const [id, status] of [
    [creating, 'creating'],
    [deleting, 'deleting'],
    [enabling, 'available'],
  ] as const) {
    await db.workers.insert(groupKey(id), status, service.id);
  }
  await db.workers.insert(groupSnapshotKey(gs), 'creating', service.id);
  await db.workers.insert(groupSnapshotKey(going), 'deleting', service.id);

  await cleanUp(manager, { alone: true }, never);

  assert.deepEqual([(await db.groups.get(creating))?.status, await statusOf(manager, member)], ['error', 'error']);
  assert.equal(await db.groups.get(deleting), undefined);
  assert.equal((await db.groups.get(enabling))?.replication_status, 'error');
  assert.equal((await db.groupSnapshots.get(gs))?.status, 'error');
  assert.equal(await db.groupSnapshots.get(going), undefined);
  assert.deepEqual(await db.workers.ofService(service.id), []);
});

test('group requests whose message is lost are made from the rows, their volumes with them [manager 2.6]', async (t) => {
  const { manager, group, groupSnapshot } = await setting(t);
  const { db } = manager;
  manager.settings = { ...manager.settings, handover_grace: 0.000001 };
  const from = group({ status: 'available' });
  const source = await volumeIn(manager, from);
  const copy = group({ source_group_id: from });
  const copied = await volumeIn(manager, copy, { status: 'creating', source_volid: source });
  const updating = group({ status: 'updating' });
  const gs = groupSnapshot(from);
  const snapshot = await snapshotIn(manager, source, gs);
  const watch = new HandoverWatch(manager, { breaks: () => 0, isEmpty: async () => true });

  await watch.look(true, never);
  await watch.look(true, never);

  assert.deepEqual([(await db.groups.get(copy))?.status, await statusOf(manager, copied)], ['available', 'available']);
  assert.deepEqual(
    manager.calls.filter((call) => call.endsWith(copied)),
    [`createClonedVolume ${copied}`],
  );
  assert.equal((await db.groups.get(updating))?.status, 'error');
  assert.deepEqual(
    [(await db.groupSnapshots.get(gs))?.status, (await db.snapshots.get(snapshot))?.status],
    ['available', 'available'],
  );
});
