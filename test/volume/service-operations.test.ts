import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CinderError } from '../../src/base/errors.ts';
import { VolumeBackendAPIException } from '../../src/objects/exceptions.ts';
import { FailoverWatch } from '../../src/volume/failover-watch.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';
import { recordedReply, recordedRequests, withVolumeWire } from '../support/volume-wire.ts';

class InvalidReplicationTarget extends CinderError {}

async function row(manager: TestManager) {
  const service = await manager.db.services.get(manager.service.id);
  assert.ok(service);
  return service;
}

async function stored(manager: TestManager, changes: Parameters<typeof aVolume>[0]): Promise<string> {
  const volume = aVolume({ status: 'available', ...changes });
  await manager.db.volumes.create(volume);
  return volume.id;
}

test('freeze and thaw answer over the wire what upstream answers [manager 12.2]', async () => {
  await using manager = await testManager();
  const file = '22-freeze-thaw';
  const [freeze] = recordedRequests(file, 'freeze_host');
  const [thaw] = recordedRequests(file, 'thaw_host');
  assert.ok(freeze && thaw);

  await withVolumeWire(manager, async (wire) => {
    assert.equal(await wire.call(freeze), recordedReply(file, freeze)['result']);
    const frozen = await row(manager);
    assert.deepEqual([frozen.disabled, frozen.disabled_reason], [true, 'frozen']);

    assert.equal(await wire.call(thaw), recordedReply(file, thaw)['result']);
    const thawed = await row(manager);
    assert.deepEqual([thawed.disabled, thawed.disabled_reason], [false, '']);
  });
});

test('a driver that objects does not hinder the freeze, and does hinder the thaw [manager 12.2]', async () => {
  const objects = async () => {
    throw new VolumeBackendAPIException({ data: 'no' });
  };
  await using manager = await testManager({ freezeBackend: objects, thawBackend: objects });

  assert.equal(await send(manager, 'freeze_host', {}), true);
  assert.equal(await send(manager, 'thaw_host', {}), false);
  assert.deepEqual([(await row(manager)).disabled, (await row(manager)).disabled_reason], [true, 'frozen']);
});

test('a backend without replication ends a recorded failover in failover-error, disabled [manager 12.3]', async () => {
  await using manager = await testManager();
  const [failover] = recordedRequests('23-failover_host', 'failover');
  assert.ok(failover);
  await manager.db.services.update(manager.service.id, { replication_status: 'failing-over' });

  await withVolumeWire(manager, (wire) => wire.cast(failover));

  const service = await row(manager);
  assert.deepEqual([service.disabled, service.replication_status], [true, 'failover-error']);
});

test('a failover moves the replicated volumes and leaves the others behind in error [manager 12.3]', async () => {
  await using manager = await testManager({
    failoverHost: async (volumes, secondary) => ({
      activeBackendId: secondary ?? 'first',
      volumes: volumes.map(({ id, display_name }) => ({
        volume_id: id,
        updates: display_name === 'lost' ? { status: 'error' } : { provider_id: `there-${id}` },
      })),
    }),
  });
  const moved = await stored(manager, { replication_status: 'enabled' });
  const lost = await stored(manager, { replication_status: 'enabled', display_name: 'lost' });
  const left = await stored(manager, { replication_status: 'not-capable' });
  const snapshot = { id: randomUUID(), volume_id: left, volume_size: 1, status: 'available' as const };
  await manager.db.snapshots.create(snapshot);
  await manager.db.services.update(manager.service.id, { replication_status: 'failing-over' });

  await send(manager, 'failover', { secondary_backend_id: 'site2' });

  const service = await row(manager);
  assert.deepEqual(
    [service.replication_status, service.active_backend_id, service.disabled, service.disabled_reason],
    ['failed-over', 'site2', true, 'failed-over'],
  );
  const now = async (id: string) => {
    const volume = await manager.db.volumes.get(id);
    return [volume?.status, volume?.previous_status, volume?.replication_status, volume?.provider_id];
  };
  assert.deepEqual(await now(moved), ['available', null, 'failed-over', `there-${moved}`]);
  assert.deepEqual(await now(lost), ['error', 'available', 'failover-error', null]);
  assert.deepEqual(await now(left), ['error', 'available', 'not-capable', null]);
  assert.equal((await manager.db.snapshots.get(snapshot.id))?.status, 'error');
});

test('the way back enables the service, or leaves it frozen; nothing is put to error [manager 12.3]', async () => {
  await using manager = await testManager({ failoverHost: async () => ({ activeBackendId: null, volumes: [] }) });
  const left = await stored(manager, { replication_status: 'disabled' });
  const start = { replication_status: 'failing-over', active_backend_id: 'site2', disabled: true, frozen: true };
  await manager.db.services.update(manager.service.id, start);

  await send(manager, 'failover_host', { secondary_backend_id: 'default' });

  const service = await row(manager);
  assert.deepEqual(
    [service.replication_status, service.active_backend_id, service.disabled, service.disabled_reason],
    ['enabled', '', true, 'frozen'],
  );
  assert.equal((await manager.db.volumes.get(left))?.status, 'available');
});

test('a target that there is not changes nothing, and a failover that nobody asked for is dropped [manager 12.3, rpc 2.3]', async () => {
  let asked = 0;
  await using manager = await testManager({
    failoverHost: async () => {
      asked += 1;
      throw new InvalidReplicationTarget('Invalid replication target: nowhere');
    },
  });
  await send(manager, 'failover', { secondary_backend_id: 'nowhere' });
  assert.equal(asked, 0);
  await manager.db.services.update(manager.service.id, { replication_status: 'failing-over' });

  await send(manager, 'failover', { secondary_backend_id: 'nowhere' });

  assert.equal(asked, 1);
  assert.deepEqual([(await row(manager)).replication_status, (await row(manager)).disabled], ['enabled', false]);
});

test('a member follows the failover of its cluster [manager 12.3]', async () => {
  const followed: unknown[] = [];
  await using manager = await testManager({ failoverCompleted: async (active) => void followed.push(active) });
  const updates = { replication_status: 'failed-over', active_backend_id: 'site2', disabled: true, unknown: 1 };

  await send(manager, 'failover_completed', { updates });

  assert.deepEqual(followed, ['site2']);
  const service = await row(manager);
  assert.deepEqual([service.replication_status, service.active_backend_id], ['failed-over', 'site2']);
});

test('what the driver makes of a transfer is written and answered; null where it has nothing to say [manager 12.6]', async () => {
  await using plain = await testManager();
  await using telling = await testManager({ acceptTransfer: async () => ({ provider_id: 'moved' }) });
  const request = async (manager: TestManager) => ({
    volume_id: await stored(manager, {}),
    new_user: 'u2',
    new_project: 'p2',
    no_snapshots: true,
  });

  assert.equal(await send(plain, 'accept_transfer', await request(plain)), null);
  const args = await request(telling);
  assert.deepEqual(await send(telling, 'accept_transfer', args), { provider_id: 'moved' });
  assert.equal((await telling.db.volumes.get(args.volume_id))?.provider_id, 'moved');
  await assert.rejects(send(plain, 'accept_transfer', { ...args, volume_id: randomUUID() }), {
    name: 'VolumeNotFound',
  });
});

test('file operations are secure where the driver says so [manager 12.5]', async () => {
  await using plain = await testManager();
  await using secure = await testManager({ secureFileOperationsEnabled: () => true });

  assert.equal(await send(plain, 'secure_file_operations_enabled', { volume: null }), false);
  assert.equal(await send(secure, 'secure_file_operations_enabled', { volume: null }), true);
});

test('a failover that nobody carries out ends in failover-error when no message is under way [manager 2.3, manager 2.6]', async () => {
  await using manager = await testManager();
  manager.settings = { ...manager.settings, handover_grace: 0.001 };
  let empty = false;
  const watch = new FailoverWatch(manager, { breaks: () => 0, isEmpty: async () => empty });
  const never = new AbortController().signal;
  const looks = async (): Promise<string | null> => {
    await watch.look(never);
    await sleep(5);
    await watch.look(never);
    return (await row(manager)).replication_status;
  };
  await manager.db.services.update(manager.service.id, { replication_status: 'failing-over' });

  assert.equal(await looks(), 'failing-over');
  empty = true;
  assert.equal(await looks(), 'failover-error');
  assert.equal((await row(manager)).disabled, true);
});
