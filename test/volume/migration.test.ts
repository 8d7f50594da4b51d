import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { createExecutor } from '../../src/exec/run.ts';
import { volumeCopier } from '../../src/image/volume-copier.ts';
import type { StorageDriver } from '../../src/interface/driver-features.ts';
import type { VolumePeers } from '../../src/interface/volume-peers.ts';
import { volumeServers } from '../../src/messaging/addressing.ts';
import { volumeClient } from '../../src/messaging/volume-client.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { type Volume, volumeCodec } from '../../src/objects/volume.ts';
import { cleanUp } from '../../src/volume/cleanup.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import { HandoverWatch } from '../../src/volume/handover.ts';
import { volumeKey } from '../../src/volume/resources.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { aVolume, host, levels, send, type TestManager, testManager } from '../support/manager.ts';
import { aBroker, aClient, aServer, aTransport } from '../support/messaging.ts';

const never = new AbortController().signal;
const there = serviceHost('node2', 'lvm');
const destination = { host: `${there}#pool`, cluster_name: null, capabilities: {} };

async function stored(manager: TestManager, changes: Parameters<typeof aVolume>[0] = {}): Promise<string> {
  const volume = aVolume({ status: 'available', previous_status: 'available', ...changes });
  await manager.db.volumes.create(volume);
  return volume.id;
}

const object = (id: string) => volumeCodec.encode({ id });
const migration = (id: string, given = {}) => ({
  volume: object(id),
  host: destination,
  force_host_copy: false,
  ...given,
});

async function rowOf(manager: TestManager, id: string): Promise<Volume> {
  const volume = await manager.db.volumes.get(id);
  assert.ok(volume);
  return volume;
}

/** Files as volumes: names are those that a backend gives, so that what is renamed in rows is found or not. */
function filesIn(folder: string): Partial<StorageDriver> {
  const path = (volume: Volume): string => join(folder, `volume-${volume._name_id || volume.id}`);
  return {
    createVolume: async (volume) => {
      writeFileSync(path(volume), Buffer.alloc(2 ** 20, 'x'));
      return {};
    },
    deleteVolume: async (volume) => writeFileSync(path(volume), 'deleted'),
    createExport: async () => ({}),
    initializeConnection: async (volume) => ({ driver_volume_type: 'local', data: { device_path: path(volume) } }),
    withLocalPath: async (volume, _access, body) => body(path(volume), 'raw'),
  };
}

/** Two services on one broker and one database. */
async function twoServices(t: TestContext) {
  const folder = aFolder(t);
  const [here, beyond] = [aFolder(t), aFolder(t)];
  const broker = await aBroker();
  const transport = await aTransport(broker);
  const client = aClient(transport, 20);
  const exec = createExecutor({ environment: process.env, rootHelper: [], logger: silent });
  const copier = volumeCopier(exec, folder);
  const made = async (name: typeof host, files: string) => {
    const parts = { host: name, copier, publishSoon() {} };
    const manager = await testManager(filesIn(files), parts, join(folder, 'cinder.sqlite'));
    Object.assign(manager, { peers: volumeClient(client, manager.db) });
    const server = await aServer(transport, volumeEndpoint(manager, levels), { servers: volumeServers(name) });
    manager.capabilities.describe(await manager.driver.getVolumeStats(never));
    return { manager, server };
  };
  const [source, target] = [await made(host, here), await made(there, beyond)];
  t.after(async () => {
    for (const { server, manager } of [source, target]) {
      await server.close();
      await manager[Symbol.asyncDispose]();
    }
    await client.close();
    await transport.close(0);
    await broker.close();
  });
  return { source: source.manager, target: target.manager, here, beyond };
}

test('a volume moves to another service with its data, and its old data are deleted [manager 9.2, manager 9.3, manager 9.5, rpc 5.3]', async (t) => {
  const { source, target, here, beyond } = await twoServices(t);
  const id = await stored(source, { migration_status: 'starting', display_name: 'mine', metadata: { a: 'b' } });
  const data = Buffer.alloc(2 ** 20, 'the data ');
  writeFileSync(join(here, `volume-${id}`), data);

  await send(source, 'migrate_volume', migration(id));

  const volume = await rowOf(source, id);
  assert.deepEqual(
    [volume.host, volume.status, volume.migration_status, volume.use_quota, volume.display_name, volume.metadata],
    [destination.host, 'available', 'success', true, 'mine', { a: 'b' }],
  );
  assert.equal(volume.service_uuid, target.service.uuid);
  assert.ok(readFileSync(join(beyond, `volume-${volume._name_id}`)).equals(data));
  await eventually('the old data are deleted', () => readFileSync(join(here, `volume-${id}`), 'utf8') === 'deleted');
  await eventually('no other row is left', async () => (await source.db.volumes.list({ limit: 10 })).length === 1);
  assert.deepEqual(
    target.calls.filter((call) => /Connection|Export/.test(call)),
    [
      `createExport ${volume._name_id}`,
      `initializeConnection ${volume._name_id}`,
      `terminateConnection ${volume._name_id}`,
      `removeExport ${volume._name_id}`,
    ],
  );
  await eventually('no claim is left', async () => (await source.db.workers.ofService(source.service.id)).length === 0);
});

test('a copy that fails leaves the volume where it is, and nothing at the destination [manager 9.1, manager 9.4]', async (t) => {
  const { source, here } = await twoServices(t);
  Object.assign(source, { copier: { ...source.copier, copy: () => Promise.reject(new Error('the disk is full')) } });
  const id = await stored(source, { status: 'maintenance', migration_status: 'starting' });
  writeFileSync(join(here, `volume-${id}`), 'data');

  await assert.rejects(send(source, 'migrate_volume', migration(id)), /the disk is full/);

  const volume = await rowOf(source, id);
  assert.deepEqual([volume.host, volume.status, volume.migration_status], [`${host}#pool`, 'available', 'error']);
  await eventually('the destination is gone', async () => (await source.db.volumes.list({ limit: 10 })).length === 1);
  assert.equal(readFileSync(join(here, `volume-${id}`), 'utf8'), 'data');
});

test('what our copies cannot reach, and what a host other than a server uses, is refused before anything is made [manager 9.5]', async () => {
  await using far = await testManager();
  const made: string[] = [];
  const peers = {
    ...far.peers,
    capabilities: async () => ({ storage_protocol: 'FC' }),
    createVolume: async () => void made.push('createVolume'),
  };
  Object.assign(far, { peers });
  const id = await stored(far, { migration_status: 'starting' });
  const attached = await stored(far, { migration_status: 'starting', status: 'in-use' });
  await far.db.attachments.create({ id: randomUUID(), volume_id: attached, attach_status: 'attached' });

  await assert.rejects(send(far, 'migrate_volume', migration(id)), { name: 'VolumeMigrationFailed', message: /FC/ });
  await assert.rejects(send(far, 'migrate_volume', migration(attached)), { name: 'VolumeMigrationFailed' });

  assert.deepEqual(made, []);
  for (const each of [id, attached]) assert.equal((await rowOf(far, each)).migration_status, 'error');
  assert.equal((await far.db.volumes.list({ limit: 10 })).length, 2);
});

test('Nova copies a volume that servers use, and what it does not take is undone [manager 9.2, manager 9.4, manager 16]', async () => {
  const attached = async (manager: TestManager, status = 'in-use'): Promise<string> => {
    const id = await stored(manager, { migration_status: 'starting', status, previous_status: 'in-use' });
    for (const instance_uuid of ['s1', 's2']) {
      const attachment = { id: randomUUID(), volume_id: id, instance_uuid, attach_status: 'attached' } as const;
      await manager.db.attachments.create(attachment);
    }
    return id;
  };
  const asked: string[] = [];
  const swapping = (swap: (server: string, volume: string, next: string) => Promise<void>) => async () => {
    const manager = await testManager();
    const createVolume: VolumePeers['createVolume'] = async (_, { id }) => {
      await manager.db.volumes.update(id, { status: 'available' });
    };
    const deleteVolume: VolumePeers['deleteVolume'] = async (_, { id }) => {
      await manager.db.volumes.destroy(id);
    };
    const peers = { ...manager.peers, createVolume, deleteVolume };
    return Object.assign(manager, { peers, compute: { ...manager.compute, swapVolume: swap } });
  };
  await using good = await swapping(async (server, volume, next) => void asked.push(server, volume, next))();
  await using bad = await swapping(() => Promise.reject(new Error('Nova answers HTTP 409')))();
  const [id, refused] = [await attached(good), await attached(bad, 'retyping')];

  await send(good, 'migrate_volume', migration(id));
  await assert.rejects(send(bad, 'migrate_volume', migration(refused)), /HTTP 409/);

  const next = (await good.db.volumes.list({ limit: 10 })).find((volume) => volume.id !== id);
  const volume = await rowOf(good, id);
  assert.deepEqual(asked, ['s1', id, next?.id, 's2', id, next?.id]);
  assert.deepEqual([next?.host, next?.migration_status], [destination.host, `target:${id}`]);
  assert.deepEqual([volume.host, volume.status, volume.migration_status], [`${host}#pool`, 'in-use', 'migrating']);
  assert.deepEqual(await good.db.workers.ofService(good.service.id), []);
  const left = await rowOf(bad, refused);
  assert.deepEqual([left.status, left.migration_status], ['in-use', 'error']);
  assert.equal((await bad.db.volumes.list({ limit: 10 })).length, 1);
});

test('a driver that moves volumes itself is asked first, unless a copy is forced [manager 9.1]', async () => {
  await using manager = await testManager({ migrateVolume: async () => ({ provider_id: 'moved' }) });
  const id = await stored(manager, {
    migration_status: 'starting',
    status: 'maintenance',
    previous_status: 'available',
  });
  const forced = await stored(manager, { migration_status: 'starting' });
  Object.assign(manager, { peers: { ...manager.peers, capabilities: async () => ({}) } });

  await send(manager, 'migrate_volume', migration(id));
  await assert.rejects(send(manager, 'migrate_volume', migration(forced, { force_host_copy: true })));

  const volume = await rowOf(manager, id);
  assert.deepEqual(
    [volume.host, volume.status, volume.previous_status, volume.migration_status, volume.provider_id],
    [destination.host, 'available', 'maintenance', 'success', 'moved'],
  );
  assert.deepEqual(manager.calls, [`migrateVolume ${id}`]);
});

test('a volume that nobody asked to move is left alone [R-10]', async () => {
  await using manager = await testManager({ migrateVolume: async () => ({}) });
  const id = await stored(manager, { migration_status: 'success' });

  await send(manager, 'migrate_volume', migration(id));

  assert.deepEqual(manager.calls, []);
});

test('Nova ends a migration that it has copied for, or says that it failed [manager 9.3]', async () => {
  await using manager = await testManager();
  const told: string[] = [];
  const peers: VolumePeers = {
    ...manager.peers,
    deleteVolume: async (_, { id, status }) => void told.push(`deleteVolume ${id} ${status}`),
    updateMigratedVolume: async (_, { id }, next, status) => void told.push(`update ${id} ${next.id} ${status}`),
  };
  Object.assign(manager, { peers });
  const copy = async (id: string) =>
    stored(manager, { host: destination.host, migration_status: `target:${id}`, use_quota: false });
  const good = await stored(manager, { migration_status: 'migrating', previous_status: 'in-use' });
  const bad = await stored(manager, { migration_status: 'migrating', status: 'retyping', previous_status: 'in-use' });
  const [goodCopy, badCopy] = [await copy(good), await copy(bad)];
  const attachment = randomUUID();
  await manager.db.attachments.create({ id: attachment, volume_id: goodCopy, attach_status: 'attached' });
  const request = (id: string, next: string, error = false) => ({
    volume: object(id),
    new_volume: object(next),
    error,
  });

  assert.equal(await send(manager, 'migrate_volume_completion', request(good, goodCopy)), good);
  assert.equal(await send(manager, 'migrate_volume_completion', request(bad, badCopy, true)), bad);
  await assert.rejects(send(manager, 'migrate_volume_completion', request(good, goodCopy)), { name: 'InvalidVolume' });

  const [moved, kept] = [await rowOf(manager, good), await rowOf(manager, bad)];
  assert.deepEqual([moved.host, moved.status, moved.migration_status], [destination.host, 'in-use', 'success']);
  assert.deepEqual([kept.host, kept.status, kept.migration_status], [`${host}#pool`, 'in-use', 'error']);
  assert.equal((await manager.db.attachments.ofVolume(good))[0]?.id, attachment);
  assert.deepEqual(told, [
    `update ${good} ${goodCopy} in-use`,
    `deleteVolume ${goodCopy} deleting`,
    `deleteVolume ${badCopy} available`,
  ]);
});

test('the destination may rename its data; asked again it writes nothing [manager 9.4, R-05]', async () => {
  await using plain = await testManager();
  await using renaming = await testManager({
    updateMigratedVolume: async () => ({ _name_id: null, provider_location: 'renamed' }),
  });
  const update = async (manager: TestManager) => {
    const id = await stored(manager, { provider_location: 'old' });
    const next = await stored(manager, { provider_location: 'new', migration_status: `target:${id}` });
    const args = { volume: object(id), new_volume: object(next), volume_status: 'available' };
    await send(manager, 'update_migrated_volume', args);
    const first = [await rowOf(manager, id), await rowOf(manager, next)];
    await send(manager, 'update_migrated_volume', args);
    assert.deepEqual([await rowOf(manager, id), await rowOf(manager, next)], first);
    return { next, names: first.map(({ _name_id }) => _name_id), places: first.map((row) => row.provider_location) };
  };

  const [asItIs, renamed] = [await update(plain), await update(renaming)];

  assert.deepEqual(asItIs.names, [asItIs.next, null]);
  assert.deepEqual(asItIs.places, ['new', 'old']);
  assert.deepEqual(renamed.names, [null, null]);
  assert.deepEqual(renamed.places, ['renamed', 'old']);
});

test('what a crash leaves of a migration is undone, and a lost request is forgotten [manager 2.3, manager 2.6]', async () => {
  await using manager = await testManager();
  manager.settings = { ...manager.settings, handover_grace: 0.000001 };
  const cut = await stored(manager, { status: 'maintenance', migration_status: 'migrating' });
  const half = await stored(manager, { host: destination.host, status: 'creating', migration_status: `target:${cut}` });
  const late = await stored(manager, { migration_status: 'completing' });
  const full = await stored(manager, { host: destination.host, migration_status: `target:${late}` });
  const nova = await stored(manager, { status: 'in-use', migration_status: 'migrating' });
  const lost = await stored(manager, { migration_status: 'starting' });
  for (const [id, status] of [
    [cut, 'maintenance'],
    [late, 'available'],
  ] as const) {
    await manager.db.workers.insert(volumeKey(id), status, manager.service.id);
  }
  const watch = new HandoverWatch(manager, { breaks: () => 0, isEmpty: async () => true });

  await cleanUp(manager, { alone: true }, never);
  await watch.look(true, never);
  await watch.look(true, never);

  const said = async (id: string) => {
    const { status, migration_status } = await rowOf(manager, id);
    return `${status} ${migration_status}`;
  };
  assert.deepEqual(
    [await said(cut), await said(late), await said(nova), await said(lost)],
    ['available error', 'available error', 'in-use migrating', 'available error'],
  );
  assert.equal(await manager.db.volumes.get(half), undefined);
  assert.equal((await rowOf(manager, full)).migration_status, null);
});
