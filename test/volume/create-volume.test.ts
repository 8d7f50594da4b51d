import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { RpcMethod } from '../../src/interface/rpc.ts';
import { adminContext } from '../../src/objects/context.ts';
import { VolumeBackendAPIException } from '../../src/objects/exceptions.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { aVolume, levels, send, type TestManager, testManager } from '../support/manager.ts';

async function createMessage(manager: TestManager, id: string, more: Record<string, unknown> = {}) {
  const volume = await manager.db.volumes.get(id);
  return { volume: volumeCodec.encode(volume ?? { id }), request_spec: null, filter_properties: {}, ...more };
}

test('a blank volume becomes available, with what the driver said and our service, and its row goes [manager 4.1]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ size: 3 });
  await manager.db.volumes.create(volume);

  const result = await send(manager, 'create_volume', await createMessage(manager, volume.id));

  const row = await manager.db.volumes.get(volume.id);
  assert.equal(result, volume.id);
  assert.equal(row?.status, 'available');
  assert.equal(row?.provider_id, `made-${volume.id}`);
  assert.equal(row?.service_uuid, manager.service.uuid);
  assert.ok(row?.launched_at);
  assert.deepEqual(row?.admin_metadata, {});
  assert.equal(await manager.db.workers.find(volumeKey(volume.id)), undefined);
  assert.equal(
    manager.capabilities.complete(await manager.driver.getVolumeStats(never()), manager.settings).pools?.[0]?.[
      'allocated_capacity_gb'
    ],
    3,
  );
});

test('a blank create leaves word of itself with its claim, so that a crash can be repaired [manager 2.3]', async () => {
  let seen: unknown;
  await using manager = await testManager({
    createVolume: async ({ id }) => {
      seen = (await manager.db.volumes.get(id))?.admin_metadata;
      return {};
    },
  });
  const volume = aVolume();
  await manager.db.volumes.create(volume);

  await send(manager, 'create_volume', await createMessage(manager, volume.id));

  assert.deepEqual(seen, { create_request: 'raw' });
});

test('from a snapshot and from a volume the matching recipe runs, and boot properties come along [manager 4.2]', async () => {
  await using manager = await testManager();
  const source = aVolume({ status: 'available', bootable: true, glance_metadata: { image_name: 'cirros' } });
  const snapshot = { id: randomUUID(), volume_id: source.id, volume_size: 1, status: 'available' as const };
  await manager.db.volumes.create(source);
  await manager.db.snapshots.create(snapshot);
  await manager.db.volumes.copyGlanceMetadata({ volume_id: source.id }, { snapshot_id: snapshot.id });
  const fromSnapshot = aVolume({ snapshot_id: snapshot.id, size: 2 });
  const clone = aVolume({ source_volid: source.id });
  await manager.db.volumes.create(fromSnapshot);
  await manager.db.volumes.create(clone);

  await send(manager, 'create_volume', await createMessage(manager, fromSnapshot.id));
  await send(manager, 'create_volume', await createMessage(manager, clone.id));

  assert.deepEqual(manager.calls, [`createVolumeFromSnapshot ${fromSnapshot.id}`, `createClonedVolume ${clone.id}`]);
  for (const { id } of [fromSnapshot, clone]) {
    const row = await manager.db.volumes.get(id);
    assert.deepEqual([row?.status, row?.bootable], ['available', true]);
  }
});

test('a failure without retries leaves the volume in error with a message for its user [manager 4.3, manager 15]', async () => {
  await using manager = await testManager({
    createVolume: async () => {
      throw new VolumeBackendAPIException({ data: 'no space' });
    },
  });
  const volume = aVolume();
  await manager.db.volumes.create(volume);

  await assert.rejects(send(manager, 'create_volume', await createMessage(manager, volume.id)), /no space/);

  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'error');
  assert.equal(await manager.db.workers.find(volumeKey(volume.id)), undefined);
  const [message] = await manager.db.messages.ofResource(volume.id);
  assert.deepEqual([message?.action_id, message?.detail_id], ['008', '012']);
});

test('a failure with retries goes back to the scheduler: driver cleaned, host gone, row kept [manager 4.3, R-20]', async () => {
  await using manager = await testManager({
    createVolume: async () => {
      throw new Error('array is sulking');
    },
  });
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': { volume_id: volume.id },
  };
  const filter_properties = { retry: { num_attempts: 1, backends: ['a'], hosts: ['a'] }, extra: { kept: true } };

  await assert.rejects(
    send(manager, 'create_volume', await createMessage(manager, volume.id, { request_spec, filter_properties })),
    /sulking/,
  );

  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.status, row?.host], ['creating', null]);
  assert.deepEqual(manager.calls.slice(-1), [`deleteVolume ${volume.id}`]);
  assert.equal((await manager.db.workers.find(volumeKey(volume.id)))?.service_id, manager.service.id);
  const [sent] = manager.rescheduled as {
    filter_properties: typeof filter_properties & { retry: { exc: string[] } };
  }[];
  assert.deepEqual(sent?.filter_properties.extra, { kept: true });
  assert.match(sent?.filter_properties.retry.exc.join('') ?? '', /sulking/);
});

test('no scheduler within the time: the volume is ours again, in error, and its user is told [R-20]', async () => {
  await using manager = await testManager(
    {
      createVolume: async () => {
        throw new Error('array is sulking');
      },
    },
    {
      scheduler: {
        reportCapabilities: async () => {},
        createVolume: async () => {
          throw new Error('nobody listens');
        },
      },
    },
  );
  const volume = aVolume();
  await manager.db.volumes.create(volume);
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': {},
  };

  await assert.rejects(
    send(
      manager,
      'create_volume',
      await createMessage(manager, volume.id, { request_spec, filter_properties: { retry: { num_attempts: 1 } } }),
    ),
  );

  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.status, row?.host], ['error', volume.host]);
  assert.equal((await manager.db.messages.ofResource(volume.id)).length, 2);
});

test('a driver that is not set up fails the create and says so [manager 4.1]', async () => {
  await using manager = await testManager();
  manager.initialized = false;
  const volume = aVolume();
  await manager.db.volumes.create(volume);

  await assert.rejects(send(manager, 'create_volume', await createMessage(manager, volume.id)), {
    name: 'DriverNotInitialized',
  });

  assert.equal((await manager.db.volumes.get(volume.id))?.status, 'error');
});

test('arguments that are missing, unknown or of another type are told as Python tells them [rpc 2.1]', () => {
  const method = volumeEndpoint({} as TestManager, levels)['create_volume'] as RpcMethod;
  const call = (args: Record<string, unknown>) => () => method.request(adminContext(), args);

  assert.throws(call({}), {
    name: 'TypeError',
    message: "VolumeManager.create_volume() missing 1 required positional argument: 'volume'",
  });
  assert.throws(call({ volume: {}, bogus: 1 }), {
    name: 'TypeError',
    message: "VolumeManager.create_volume() got an unexpected keyword argument 'bogus'",
  });
  assert.throws(call({ volume: 'x' }), { name: 'ValueError' });
  assert.throws(call({ volume: volumeCodec.encode({}) }), {
    name: 'ValueError',
    message: "VolumeManager.create_volume() argument 'volume': Volume without an id",
  });
});

function never(): AbortSignal {
  return new AbortController().signal;
}
