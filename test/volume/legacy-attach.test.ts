import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';
import { recordedHost, recordedReply, recordedRequests, storeVolume, withVolumeWire } from '../support/volume-wire.ts';

const instance = 'c9d2b3a4-1111-4222-8333-444455556666';

function request(volume_id: string, given: Record<string, unknown> = {}) {
  return { volume_id, instance_uuid: instance, host_name: null, mountpoint: '/dev/vdb', mode: 'rw', ...given };
}

async function attaching(manager: TestManager, changes: Parameters<typeof aVolume>[0] = {}): Promise<string> {
  const volume = aVolume({ status: 'attaching', ...changes });
  await manager.db.volumes.create(volume);
  return volume.id;
}

/** What differs by nature: ids and times are compared by their form. */
function masked(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item: unknown) => {
      if (key === 'volume_type_id' || key === 'service_uuid') return '';
      if (key === 'updated_at') return 'time or null';
      if (typeof item === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(item)) return 'time';
      return item;
    }),
  );
}

test('os-attach and os-detach answer over the wire what upstream answers [manager 7.8, manager 7.9, objects 8.3]', async () => {
  await using manager = await testManager({}, { host: recordedHost });
  const file = '07-attach-detach_volume';
  const [attach] = recordedRequests(file, 'attach_volume');
  const [detach] = recordedRequests(file, 'detach_volume');
  assert.ok(attach && detach);
  const args = attach.message['args'] as { volume: unknown };
  const id = await storeVolume(manager, args.volume);

  await withVolumeWire(manager, async (wire) => {
    const reply = (await wire.call(attach)) as { 'versioned_object.data': { id: string } };

    const recorded = recordedReply(file, attach)['result'] as { 'versioned_object.data': { id: string } };
    const withSameId = { ...recorded, 'versioned_object.data': { ...recorded['versioned_object.data'] } };
    withSameId['versioned_object.data'].id = reply['versioned_object.data'].id;
    assert.deepEqual(masked(reply), masked(withSameId));
    const volume = await manager.db.volumes.get(id);
    assert.deepEqual(
      [volume?.status, volume?.attach_status, volume?.admin_metadata?.['attached_mode']],
      ['in-use', 'attached', 'rw'],
    );

    await manager.db.volumes.update(id, { status: 'detaching' });
    assert.equal(await wire.call(detach), recordedReply(file, detach)['result']);
    const free = await manager.db.volumes.get(id);
    assert.deepEqual([free?.status, free?.attach_status], ['available', 'detached']);
    assert.equal(free?.admin_metadata?.['attached_mode'], undefined);
    assert.deepEqual(manager.calls, [`removeExport ${id}`]);
  });
});

test('a second host on a volume that is in use is refused as upstream refuses it [manager 7.8, rpc 2.2]', async () => {
  await using manager = await testManager({}, { host: recordedHost });
  const file = '26-error-replies';
  const [, second] = recordedRequests(file, 'attach_volume');
  assert.ok(second);
  await storeVolume(manager, (second.message['args'] as { volume: unknown }).volume);
  const failure = JSON.parse(String(recordedReply(file, second)['failure'])) as Record<string, unknown>;

  await withVolumeWire(manager, async (wire) => {
    await assert.rejects(wire.call(second), {
      name: failure['class'],
      module: failure['module'],
      message: failure['message'],
      kwargs: failure['kwargs'],
    });
  });
});

test('attaching twice gives the attachment that there is [R-05, manager 7.8]', async () => {
  await using manager = await testManager();
  const id = await attaching(manager);

  const first = (await send(manager, 'attach_volume', request(id))) as { 'versioned_object.data': { id: string } };
  const second = (await send(manager, 'attach_volume', request(id))) as typeof first;

  assert.equal(second['versioned_object.data'].id, first['versioned_object.data'].id);
  assert.equal((await manager.db.attachments.ofVolume(id)).length, 1);
});

test('what may not be attached leaves an attachment in error, and tells the user [manager 7.8, manager 15]', async () => {
  await using manager = await testManager();
  const readonly = await attaching(manager, { admin_metadata: { readonly: 'True' } });
  const strange = await attaching(manager);
  const other = await attaching(manager, { admin_metadata: { attached_mode: 'ro' } });

  await assert.rejects(send(manager, 'attach_volume', request(readonly)), { name: 'InvalidVolumeAttachMode' });
  await assert.rejects(send(manager, 'attach_volume', request(strange, { instance_uuid: 'x' })), {
    name: 'InvalidUUID',
  });
  await assert.rejects(send(manager, 'attach_volume', request(other)), {
    name: 'InvalidVolume',
    message: 'Invalid volume: being attached by different mode',
  });

  for (const id of [readonly, strange]) {
    assert.equal((await manager.db.attachments.ofVolume(id))[0]?.attach_status, 'error_attaching');
  }
  const [message] = await manager.db.messages.ofResource(readonly);
  assert.deepEqual([message?.action_id, message?.detail_id], ['002', '005']);
});

test('a host name is stored as upstream writes it [manager 7.8]', async () => {
  await using manager = await testManager();
  const id = await attaching(manager);

  await send(manager, 'attach_volume', request(id, { instance_uuid: null, host_name: '-My_Host \u4e2d(1).lan.' }));

  assert.equal((await manager.db.attachments.ofVolume(id))[0]?.attached_host, 'my-host-1.lan');
});

test('detach finds the one that is meant, and sets the statuses right where there is none [manager 7.9]', async () => {
  await using manager = await testManager();
  const several = await attaching(manager, { status: 'detaching', multiattach: true });
  for (const attached_host of ['a', 'b']) {
    const attachment = { id: randomUUID(), volume_id: several, attached_host, attach_status: 'attached' as const };
    await manager.db.attachments.create(attachment);
  }
  const none = await attaching(manager, { status: 'detaching', attach_status: 'attached' });
  const gone = await attaching(manager, { status: 'detaching', attach_status: 'attached' });

  await assert.rejects(send(manager, 'detach_volume', { volume_id: several, attachment_id: null }), {
    name: 'InvalidVolume',
  });
  await send(manager, 'detach_volume', { volume_id: none });
  await send(manager, 'detach_volume', { volume_id: gone, attachment_id: randomUUID() });

  for (const id of [none, gone]) {
    const volume = await manager.db.volumes.get(id);
    assert.deepEqual([volume?.status, volume?.attach_status], ['available', 'detached']);
  }
  assert.deepEqual(manager.calls, []);
});

test('an export that stays keeps the attachment, and the caller is told [manager 7.9]', async () => {
  await using manager = await testManager({
    removeExport: async () => {
      throw new Error('target is stuck');
    },
  });
  const id = await attaching(manager, { status: 'detaching', attach_status: 'attached' });
  await manager.db.attachments.create({ id: randomUUID(), volume_id: id, attach_status: 'attached' });

  await assert.rejects(send(manager, 'detach_volume', { volume_id: id }), {
    name: 'RemoveExportException',
    message: `Failed to remove export for volume ${id}: target is stuck`,
  });

  assert.equal((await manager.db.volumes.get(id))?.status, 'detaching');
});

test('a detach that comes again does nothing to a volume that somebody uses by now [R-05]', async () => {
  await using manager = await testManager();
  const id = await attaching(manager, { status: 'in-use', attach_status: 'attached' });
  await manager.db.attachments.create({ id: randomUUID(), volume_id: id, attach_status: 'attached' });

  await send(manager, 'detach_volume', { volume_id: id }, { redelivered: true });

  assert.equal((await manager.db.volumes.get(id))?.status, 'in-use');
  assert.equal((await manager.db.attachments.ofVolume(id)).length, 1);
});
