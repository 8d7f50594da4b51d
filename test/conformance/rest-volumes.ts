import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepted } from '../support/cinder.ts';
import {
  anApiSnapshot,
  anApiVolume,
  apiDelete,
  aType,
  type Deployment,
  fileSize,
  leftovers,
} from '../support/deployment.ts';

const gib = 2 ** 30;

/** What a user of the volume API does every day, judged by the API's answers and by the files (rpc.md §8, P1). */
export function restVolumes(name: string, deployment: () => Deployment): void {
  test(`${name}: the services are up, and their pools are known to the scheduler [L-082, scheduler-stats 7]`, async () => {
    const { cinder, host, backends } = deployment();

    const { services } = accepted(await cinder.get('/os-services?binary=cinder-volume'));
    const { pools } = accepted(await cinder.get('/scheduler-stats/get_pools?detail=true'));

    for (const backend of backends) {
      const row = services.find((service: { host: string }) => service.host === `${host}@${backend}`);
      assert.equal(row?.state, 'up');
      assert.equal(row?.backend_state, 'up');
      const pool = pools.find((each: { name: string }) => each.name.startsWith(`${host}@${backend}#`));
      assert.ok(pool.capabilities.free_capacity_gb > 0);
    }
  });

  test(`${name}: a volume is made, grown and deleted [rpc 8, manager 4, manager 8.1]`, async () => {
    const { cinder, backends, host } = deployment();
    const type = await aType(cinder, backends[0]);

    const volume = await anApiVolume(cinder, { name: 'öne', metadata: { a: 'b' }, volume_type: type.id });
    assert.match(volume['os-vol-host-attr:host'], new RegExp(`^${host}@${backends[0]}#`));
    assert.equal(fileSize(deployment(), backends[0], `volume-${volume.id}`), gib);
    await cinder.act('volumes', volume.id, { 'os-extend': { new_size: 3 } });
    const grown = await cinder.becomes('volumes', volume.id, 'available');
    assert.equal(grown.size, 3);
    assert.equal(fileSize(deployment(), backends[0], `volume-${volume.id}`), 3 * gib);
    await apiDelete(cinder, 'volumes', volume.id);

    assert.equal(fileSize(deployment(), backends[0], `volume-${volume.id}`), undefined);
  });

  test(`${name}: snapshots, what is made from them, and clones [manager 4.2, manager 6]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});

    const snapshot = await anApiSnapshot(cinder, volume.id);
    const fromSnapshot = await anApiVolume(cinder, { snapshot_id: snapshot.id, size: 2 });
    const clone = await anApiVolume(cinder, { source_volid: volume.id, size: 2 });
    const refused = await cinder.delete(`/volumes/${volume.id}`);

    assert.deepEqual([fromSnapshot.size, clone.size, snapshot.size], [2, 2, 1]);
    assert.equal(refused.status, 400);
    await apiDelete(cinder, 'snapshots', snapshot.id);
    for (const { id } of [volume, fromSnapshot, clone]) await apiDelete(cinder, 'volumes', id);
  });

  test(`${name}: a volume goes with its snapshots, and one by force [manager 5]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});
    await anApiSnapshot(cinder, volume.id);
    await anApiSnapshot(cinder, volume.id);

    await apiDelete(cinder, 'volumes', volume.id, '?cascade=true');
    const other = await anApiVolume(cinder, {});
    await cinder.act('volumes', other.id, { 'os-force_delete': {} });
    await cinder.becomes('volumes', other.id, 'deleted');

    assert.deepEqual(leftovers(deployment()), []);
  });

  test(`${name}: attachments of the new kind, from reservation to the end [manager 7.1, manager 7.2]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});
    const connector = { host: 'compute1', ip: '127.0.0.1', initiator: 'iqn.2026-11.org.example:one', multipath: false };

    // With an instance the API would ask Nova whether the attachment may go.
    const attachment = { volume_uuid: volume.id };
    const { id } = accepted(await cinder.post('/attachments', { attachment })).attachment;
    assert.equal((await cinder.get(`/volumes/${volume.id}`)).body.volume.status, 'reserved');
    const updated = accepted(await cinder.put(`/attachments/${id}`, { attachment: { connector } })).attachment;
    accepted(await cinder.post(`/attachments/${id}/action`, { 'os-complete': {} }));
    const attached = await cinder.becomes('volumes', volume.id, 'in-use');
    const busy = await cinder.delete(`/volumes/${volume.id}`);
    accepted(await cinder.delete(`/attachments/${id}`));
    await cinder.becomes('volumes', volume.id, 'available');

    assert.equal(updated.connection_info.attachment_id, id);
    assert.equal(updated.connection_info.access_mode, 'rw');
    assert.equal(attached.attachments.length, 1);
    assert.equal(busy.status, 400);
    await apiDelete(cinder, 'volumes', volume.id);
  });

  test(`${name}: connections of the old kind, as Nova of old and cinder-backup ask for them [manager 7.4, manager 7.5]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});
    const connector = { host: 'compute1', ip: '127.0.0.1', initiator: 'iqn.2026-11.org.example:one', multipath: false };

    const { connection_info } = await cinder.act('volumes', volume.id, { 'os-initialize_connection': { connector } });
    await cinder.act('volumes', volume.id, { 'os-terminate_connection': { connector } });

    assert.equal(connection_info.data.volume_id, volume.id);
    await apiDelete(cinder, 'volumes', volume.id);
  });

  test(`${name}: what a backend can do is told, and its log levels are set [manager 12.1, manager 12.7]`, async () => {
    const { cinder, host, backends } = deployment();

    const told = accepted(await cinder.get(`/capabilities/${host}@${backends[0]}`));
    const request = { binary: 'cinder-volume', server: `${host}@${backends[0]}`, prefix: 'cinder.volume' };
    accepted(await cinder.put('/os-services/set-log', { ...request, level: 'DEBUG' }));
    const { log_levels } = accepted(await cinder.put('/os-services/get-log', request));
    accepted(await cinder.put('/os-services/set-log', { ...request, level: 'INFO' }));

    assert.equal(told.volume_backend_name, backends[0]);
    assert.equal(log_levels[0].levels['cinder.volume.manager'], 'DEBUG');
  });

  test(`${name}: a backend that is disabled gets nothing, and its rows are cleaned when an admin asks [database 5.6]`, async () => {
    const { cinder, host, backends } = deployment();
    const [first, second] = backends;

    accepted(await cinder.put('/os-services/disable', { binary: 'cinder-volume', host: `${host}@${first}` }));
    const volume = await anApiVolume(cinder, {});
    accepted(await cinder.put('/os-services/enable', { binary: 'cinder-volume', host: `${host}@${first}` }));
    const { cleaning } = accepted(await cinder.post('/workers/cleanup', { binary: 'cinder-volume', is_up: true }));

    assert.match(volume['os-vol-host-attr:host'], new RegExp(`^${host}@${second}#`));
    assert.deepEqual(cleaning.length, 2);
    await apiDelete(cinder, 'volumes', volume.id);
  });

  test(`${name}: forty volumes at once are all made, and all deleted [R-13]`, async () => {
    const { cinder } = deployment();

    const volumes = await Promise.all(
      Array.from({ length: 40 }, (_, at) => anApiVolume(cinder, { name: `many-${at}` })),
    );
    await Promise.all(volumes.map(({ id }) => apiDelete(cinder, 'volumes', id)));

    assert.deepEqual(leftovers(deployment()), []);
  });
}
