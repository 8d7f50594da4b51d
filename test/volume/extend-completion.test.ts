import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import type { NewVolume } from '../../src/interface/volume-table.ts';
import { contextFor } from '../../src/objects/context.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { Claims } from '../../src/volume/claim.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import { HandoverWatch } from '../../src/volume/handover.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { aVolume, levels, send, type TestManager, testManager } from '../support/manager.ts';

const { signal } = new AbortController();

/** A volume that a server has, which Nova was asked to grow, and the message that says how that went. */
async function extendedByNova(manager: TestManager, error: boolean, changes: Partial<NewVolume> = {}) {
  const volume = aVolume({ status: 'extending', ...changes });
  await manager.db.volumes.create(volume);
  await manager.db.attachments.create({ id: randomUUID(), volume_id: volume.id, instance_uuid: randomUUID() });
  const reservations = [...(await manager.db.quotas.reserve({ gigabytes: 600 }, 'p1'))];
  const message = { volume: volumeCodec.encode({ id: volume.id }), new_size: 601, reservations, error };
  const now = async () => {
    const row = await manager.db.volumes.get(volume.id);
    return [row?.size, row?.status];
  };
  return { id: volume.id, message, now };
}

/** Whether 600 of the 1000 GB of the project are in use, or only reserved, and not given back. */
async function quotaIsTaken({ db }: TestManager): Promise<boolean> {
  try {
    await db.quotas.rollback(await db.quotas.reserve({ gigabytes: 900 }, 'p1'), 'p1');
    return false;
  } catch {
    return true;
  }
}

/** The daemon after a crash: nothing of it is left but its rows. */
function restarted(manager: TestManager): TestManager {
  const { db, host, service } = manager;
  return { ...manager, claims: new Claims({ db, log: silent, host, serviceId: () => service.id }) };
}

test('what Nova has grown has its new size, is told of, and is nothing to the driver or to Nova [manager 8.1, rpc 3]', async () => {
  const sent: unknown[] = [];
  const compute = { tellServers: async () => void sent.push('Nova'), swapVolume: async () => {} };
  const info = async (_: unknown, publisher: string, event: string, payload: unknown) => {
    const { size, volume_id } = payload as Record<string, unknown>;
    sent.push([publisher, event, volume_id, size]);
  };
  await using manager = await testManager({}, { compute, notifier: { enabled: true, info } });
  const { id, message, now } = await extendedByNova(manager, false);

  await send(manager, 'extend_volume_completion', message);

  assert.deepEqual(await now(), [601, 'in-use']);
  assert.equal(await quotaIsTaken(manager), true);
  assert.deepEqual(sent, [['volume.node1@lvm', 'volume.resize.end', id, 601]]);
  assert.deepEqual(manager.calls, []);
  assert.equal(await manager.db.workers.find(volumeKey(id)), undefined);
});

test('where Nova failed the volume is in error_extending, its user is told, and the reservation is given back [manager 8.1, manager 15]', async () => {
  await using manager = await testManager();
  const { id, message, now } = await extendedByNova(manager, true);

  await send(manager, 'extend_volume_completion', message);

  assert.deepEqual(await now(), [1, 'error_extending']);
  assert.equal(await quotaIsTaken(manager), false);
  const messages = await manager.db.messages.ofResource(id);
  assert.deepEqual(
    messages.map(({ action_id, detail_id }) => [action_id, detail_id]),
    [['007', '009']],
  );
  assert.equal(await manager.db.workers.find(volumeKey(id)), undefined);
});

test('a crash behind the record leaves nothing to do, and a second copy of the message does nothing [R-01, R-07, R-10, manager 2.3]', async () => {
  await using manager = await testManager();
  const { id, message, now } = await extendedByNova(manager, false);
  const method = volumeEndpoint(manager, levels)['extend_volume_completion'];
  const recorded = await method?.request(contextFor({ user_id: 'u1', project_id: 'p1' }), message).record(signal);
  assert.ok(recorded);
  manager.claims.close();
  const after = restarted(manager);

  await cleanUp(after, { alone: true }, signal);
  assert.equal(await send(after, 'extend_volume_completion', message, { redelivered: true }), undefined);

  assert.deepEqual(await now(), [601, 'in-use']);
  assert.equal(await quotaIsTaken(manager), true);
  assert.equal(await manager.db.workers.find(volumeKey(id)), undefined);
  assert.deepEqual(await manager.db.messages.ofResource(id), []);
});

test('one that comes too late changes nothing, and gives its reservation back [R-10]', async () => {
  await using manager = await testManager();
  const { message, now } = await extendedByNova(manager, false, { status: 'error_extending' });

  assert.equal(await send(manager, 'extend_volume_completion', message), undefined);

  assert.deepEqual(await now(), [1, 'error_extending']);
  assert.equal(await quotaIsTaken(manager), false);
});

test('what Nova is still growing for a predecessor is no lost request [manager 2.6]', async () => {
  await using manager = await testManager();
  manager.settings = { ...manager.settings, handover_grace: 0.000001 };
  const begun = { extend_new_size: '601', extend_reservations: '[]' };
  const waiting = aVolume({ status: 'extending', previous_status: 'in-use', admin_metadata: begun });
  const lost = aVolume({ status: 'extending', previous_status: 'in-use' });
  for (const volume of [waiting, lost]) await manager.db.volumes.create(volume);
  const watch = new HandoverWatch(manager, { breaks: () => 0, isEmpty: async () => true });

  for (let look = 0; look < 3; look++) await watch.look(true, signal);

  const rows = await Promise.all([waiting, lost].map(({ id }) => manager.db.volumes.get(id)));
  assert.deepEqual(
    rows.map((row) => row?.status),
    ['extending', 'in-use'],
  );
});

test('a completion says whether it was an error, and of which size [rpc 2.1]', async () => {
  await using manager = await testManager();
  const { message, now } = await extendedByNova(manager, false);
  const { error: _, ...silentOne } = message;

  await assert.rejects(send(manager, 'extend_volume_completion', silentOne), { name: 'TypeError' });
  await assert.rejects(send(manager, 'extend_volume_completion', { ...message, new_size: 0 }), { name: 'ValueError' });

  assert.deepEqual(await now(), [1, 'extending']);
});
