import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { InvalidConnectorException } from '../../src/objects/exceptions.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';

const connector = { host: 'compute1', initiator: 'iqn.1993-08.org.debian:01:abcdef', mountpoint: '/dev/vdb' };

async function reserved(manager: TestManager) {
  const volume = aVolume({ status: 'reserved' });
  const attachment = { id: randomUUID(), volume_id: volume.id, attach_status: 'reserved', attach_mode: 'rw' } as const;
  await manager.db.volumes.create(volume);
  await manager.db.attachments.create(attachment);
  const message = { vref: volumeCodec.encode({ id: volume.id }), connector, attachment_id: attachment.id };
  return { volume, attachment, message };
}

test('attachment_update gives the flat connection_info and leaves the volume attaching [manager 7.1, rpc 6.2]', async () => {
  await using manager = await testManager();
  const { volume, attachment, message } = await reserved(manager);

  const info = await send(manager, 'attachment_update', message);

  assert.deepEqual(info, {
    target_lun: 1,
    volume_id: volume.id,
    qos_specs: null,
    access_mode: 'rw',
    encrypted: false,
    cacheable: false,
    driver_volume_type: 'iscsi',
    attachment_id: attachment.id,
  });
  const row = await manager.db.volumes.get(volume.id);
  assert.deepEqual([row?.status, row?.attach_status, row?.provider_auth], ['attaching', 'attaching', 'CHAP u p']);
  const saved = await manager.db.attachments.get(attachment.id);
  assert.deepEqual(
    [saved?.mountpoint, saved?.attached_host, saved?.connector],
    ['/dev/vdb', 'compute1', { ...connector, mode: 'rw' }],
  );
});

test('attachment_update twice gives the same [R-05, S-11]', async () => {
  await using manager = await testManager();
  const { message } = await reserved(manager);

  const first = await send(manager, 'attachment_update', message);

  assert.deepEqual(await send(manager, 'attachment_update', message), first);
});

test('a connector that lacks something, a driver that fails and an unknown attachment have their own classes [manager 7.1]', async () => {
  await using refusing = await testManager({
    validateConnector: () => {
      throw new InvalidConnectorException({ missing: 'initiator' });
    },
  });
  await using failing = await testManager({
    initializeConnection: async () => {
      throw new Error('file is gone');
    },
  });
  const refused = await reserved(refusing);
  const failed = await reserved(failing);

  await assert.rejects(send(refusing, 'attachment_update', refused.message), {
    name: 'InvalidInput',
    message: /initiator/,
  });
  await assert.rejects(send(failing, 'attachment_update', failed.message), {
    name: 'VolumeBackendAPIException',
    message: /Driver initialize connection failed \(error: file is gone\)\.$/,
  });
  await assert.rejects(send(failing, 'attachment_update', { ...failed.message, attachment_id: randomUUID() }), {
    name: 'VolumeAttachmentNotFound',
  });
  assert.ok(failing.calls.includes(`removeExport ${failed.volume.id}`));
  assert.equal((await failing.db.volumes.get(failed.volume.id))?.status, 'reserved');
});

test('attachment_delete ends connection and export, and leaves the rows to the API [manager 7.2]', async () => {
  await using manager = await testManager();
  const { volume, attachment, message } = await reserved(manager);
  await send(manager, 'attachment_update', message);

  await send(manager, 'attachment_delete', { attachment_id: attachment.id, vref: message.vref });

  assert.deepEqual(manager.calls.slice(-2), [`terminateConnection ${volume.id}`, `removeExport ${volume.id}`]);
  assert.ok(await manager.db.attachments.get(attachment.id));
});

test('the export stays while the same host still uses the connection [manager 7.2]', async () => {
  await using manager = await testManager({ terminateConnection: async () => true });
  const { volume, attachment, message } = await reserved(manager);
  await send(manager, 'attachment_update', message);

  await send(manager, 'attachment_delete', { attachment_id: attachment.id, vref: message.vref });

  assert.ok(!manager.calls.includes(`removeExport ${volume.id}`));
});

test('initialize_connection nests its data; terminate and remove_export find unknown volumes out [manager 7.4, manager 7.5]', async () => {
  await using manager = await testManager();
  const volume = aVolume({ status: 'available' });
  await manager.db.volumes.create(volume);

  const info = (await send(manager, 'initialize_connection', {
    volume: volumeCodec.encode({ id: volume.id }),
    connector,
  })) as { driver_volume_type: string; data: { volume_id: string } };

  assert.deepEqual([info.driver_volume_type, info.data.volume_id], ['iscsi', volume.id]);
  for (const [method, args] of [
    ['terminate_connection', { volume_id: randomUUID(), connector, force: false }],
    ['remove_export', { volume_id: randomUUID() }],
  ] as const) {
    await assert.rejects(send(manager, method, args), { name: 'VolumeNotFound' });
  }
});

test('limits of the type reach the host, multiplied by the size where they are per GiB [manager 7.3]', async () => {
  await using manager = await testManager();
  const { completeConnection } = await import('../../src/volume/connection-info.ts');
  const volume = { ...((await aStoredVolume(manager, 10)) as object), volume_type: { qos_specs_id: 'q' } };
  const specs = {
    consumer: 'both',
    specs: { total_iops_sec_per_gb: '100', total_iops_sec_per_gb_min: '500', total_iops_sec_max: '800', extra: 'x' },
  };
  const volumeTypes = { get: async () => undefined, default: async () => ({}), qosSpecs: async () => specs };

  const info = await completeConnection({ volumeTypes } as never, { report_discard_supported: true }, volume as never, {
    driver_volume_type: 'iscsi',
    data: {},
  });

  assert.deepEqual(info.data['qos_specs'], { extra: 'x', total_iops_sec: 800 });
  assert.equal(info.data['discard'], true);
});

async function aStoredVolume(manager: TestManager, size: number) {
  const volume = aVolume({ size });
  await manager.db.volumes.create(volume);
  return manager.db.volumes.get(volume.id);
}
