import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { volumeCodec } from '../../src/objects/volume.ts';
import { execute } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';
import { aVolume, host, send, testManager } from '../support/manager.ts';

const gold = 'c2e3ba27-b37a-43c1-bc89-a0179a6d7c2a';
const silver = 'd2e3ba27-b37a-43c1-bc89-a0179a6d7c2b';

/** A manager with two types that differ in one extra spec; `specs` are those of the new one. */
async function withTypes(t: TestContext, answers: Parameters<typeof testManager>[0] = {}, specs = { tier: 'silver' }) {
  const path = join(aFolder(t), 'cinder.sqlite');
  const manager = await testManager(answers, {}, path);
  t.after(() => manager[Symbol.asyncDispose]());
  const types = { [gold]: { tier: 'gold' }, [silver]: specs };
  for (const [id, extra] of Object.entries(types)) {
    execute(
      path,
      `insert into volume_types (id, name, is_public, deleted) values ('${id}', '${id.slice(0, 2)}', 1, 0)`,
    );
    for (const [key, value] of Object.entries(extra)) {
      const row = `'${id}', '${key}', '${value}', 0`;
      execute(path, `insert into volume_type_extra_specs (volume_type_id, key, value, deleted) values (${row})`);
    }
  }
  const volume = aVolume({ status: 'retyping', previous_status: 'in-use', volume_type_id: gold });
  await manager.db.volumes.create(volume);
  const reservations = await manager.db.quotas.reserve({ volumes_d2: 1 }, 'p1');
  const request = {
    volume: volumeCodec.encode({ id: volume.id }),
    new_type_id: silver,
    host: { host: `${host}#other`, cluster_name: null, capabilities: {} },
    migration_policy: 'on-demand',
    reservations,
    old_reservations: null,
  };
  const row = async () => {
    const found = await manager.db.volumes.get(volume.id);
    return [found?.status, found?.volume_type_id, found?.host, found?.migration_status];
  };
  return { manager, volume, request, row };
}

test('types that mean the same to the backend change in the rows alone, snapshots too [manager 9.6]', async (t) => {
  const { manager, volume, request, row } = await withTypes(t, {}, { tier: 'gold' });
  const snapshot = randomUUID();
  await manager.db.snapshots.create({ id: snapshot, volume_id: volume.id, volume_size: 1, status: 'available' });

  await send(manager, 'retype', request);

  assert.deepEqual(await row(), ['in-use', silver, `${host}#other`, null]);
  assert.equal((await manager.db.snapshots.get(snapshot))?.volume_type_id, silver);
  assert.deepEqual(manager.calls, []);
});

test('a driver that retypes is told what differs, and its update is written [manager 9.6]', async (t) => {
  let told: unknown;
  const { manager, volume, request, row } = await withTypes(
    t,
    {
      retype: async (_volume, type, difference) => {
        told = [type.id, difference.extra_specs];
        return { provider_id: 'retyped' };
      },
    },
    { tier: 'silver', replication_enabled: '<is> True' } as never,
  );

  await send(manager, 'retype', request);

  assert.deepEqual(told, [silver, { tier: ['gold', 'silver'], replication_enabled: [null, '<is> True'] }]);
  assert.deepEqual(await row(), ['in-use', silver, `${host}#other`, null]);
  const { provider_id, replication_status } = (await manager.db.volumes.get(volume.id)) ?? {};
  assert.deepEqual([provider_id, replication_status], ['retyped', 'enabled']);
});

test('what would have to move and may not keeps its type, and its reservations are given back [manager 9.6]', async (t) => {
  const { manager, request, row } = await withTypes(t);

  await assert.rejects(send(manager, 'retype', { ...request, migration_policy: 'never' }), {
    name: 'VolumeMigrationFailed',
    message: /Retype requires migration but is not allowed\.$/,
  });

  assert.deepEqual(await row(), ['in-use', gold, `${host}#pool`, null]);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('a volume with snapshots does not move for its type [manager 9.6]', async (t) => {
  const { manager, volume, request, row } = await withTypes(t);
  const snapshot = { id: randomUUID(), volume_id: volume.id, volume_size: 1, status: 'available' as const };
  await manager.db.snapshots.create(snapshot);

  await assert.rejects(send(manager, 'retype', request), { name: 'InvalidVolume' });

  assert.deepEqual(await row(), ['in-use', gold, `${host}#pool`, null]);
});

test('a volume moves for its type where the driver does not retype; the move may fail [manager 9.6, manager 9.1]', async (t) => {
  const { manager, request, row } = await withTypes(t);
  Object.assign(manager, { peers: { ...manager.peers, capabilities: async () => ({ storage_protocol: 'FC' }) } });

  await assert.rejects(send(manager, 'retype', request), { name: 'VolumeMigrationFailed' });

  assert.deepEqual(await row(), ['in-use', gold, `${host}#pool`, 'error']);
});

test('a volume that a server uses stays retyping while Nova copies it, and has the new type when Nova is done [manager 9.6, manager 9.2, manager 9.3]', async (t) => {
  const { manager, volume, request, row } = await withTypes(t);
  const attachment = {
    id: randomUUID(),
    volume_id: volume.id,
    instance_uuid: 's1',
    attach_status: 'attached',
  } as const;
  await manager.db.attachments.create(attachment);
  let next = '';
  const peers = {
    ...manager.peers,
    createVolume: async (_: unknown, { id }: { readonly id: string }) => {
      await manager.db.volumes.update(id, { status: 'available' });
      next = id;
    },
  };
  const asked: string[][] = [];
  const swapVolume = async (...words: readonly unknown[]) => void asked.push(words.slice(0, 3).map(String));
  Object.assign(manager, { peers, compute: { ...manager.compute, swapVolume } });

  await send(manager, 'retype', request);
  const meanwhile = await row();
  // As Nova does: the volume is no longer attached when it says so.
  await manager.db.attachments.destroy(attachment.id);
  await manager.db.volumes.update(volume.id, { status: 'available' });
  const ids = { volume: volumeCodec.encode({ id: volume.id }), new_volume: volumeCodec.encode({ id: next }) };
  await send(manager, 'migrate_volume_completion', { ...ids, error: false });

  assert.deepEqual(asked, [['s1', volume.id, next]]);
  assert.deepEqual(meanwhile, ['retyping', gold, `${host}#pool`, 'migrating']);
  assert.deepEqual(await row(), ['in-use', silver, `${host}#other`, 'success']);
  assert.deepEqual(await manager.db.workers.ofService(manager.service.id), []);
});

test('only where it is placed differs: the driver may move the volume itself, and it has the new type then [manager 9.1, manager 9.6]', async (t) => {
  const specs = { tier: 'gold', volume_backend_name: 'other' } as never;
  const { manager, volume, request, row } = await withTypes(t, { migrateVolume: async () => ({}) }, specs);

  await send(manager, 'retype', request);

  assert.deepEqual(await row(), ['in-use', silver, `${host}#other`, 'success']);
  assert.deepEqual(manager.calls, [`migrateVolume ${volume.id}`]);
});
