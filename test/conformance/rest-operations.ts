import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { accepted } from '../support/cinder.ts';
import { anApiSnapshot, anApiVolume, apiDelete, aType, type Deployment } from '../support/deployment.ts';

/** The rarer operations of the volume API that end on a volume service (rpc.md §8, P2 and P3). */
export function restOperations(name: string, deployment: () => Deployment): void {
  test(`${name}: a volume goes back to its last snapshot [manager 6.3]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});
    const snapshot = await anApiSnapshot(cinder, volume.id);

    await cinder.act('volumes', volume.id, { revert: { snapshot_id: snapshot.id } });
    await cinder.becomes('volumes', volume.id, 'available');

    await cinder.becomes('snapshots', snapshot.id, 'available');
    await apiDelete(cinder, 'volumes', volume.id, '?cascade=true');
  });

  test(`${name}: a volume is let go, found again and taken back, and so is its snapshot [manager 10]`, async () => {
    const { cinder, host, backends } = deployment();
    const type = await aType(cinder, backends[0]);
    const volume = await anApiVolume(cinder, { volume_type: type.id });
    const place = volume['os-vol-host-attr:host'];

    await cinder.act('volumes', volume.id, { 'os-unmanage': {} });
    await cinder.becomes('volumes', volume.id, 'deleted');
    assert.ok(existsSync(join(deployment().files(backends[0]), `volume-${volume.id}`)));
    const found = accepted(await cinder.get(`/manageable_volumes/detail?host=${encodeURIComponent(place)}`));
    const one = found['manageable-volumes'].find(({ reference }: { reference: unknown }) =>
      JSON.stringify(reference).includes(volume.id),
    );
    const manage = { host: place, ref: one.reference, name: 'back', volume_type: type.id };
    const { id } = accepted(await cinder.post('/manageable_volumes', { volume: manage })).volume;
    const back = await cinder.becomes('volumes', id, 'available');

    assert.equal(one.safe_to_manage, true);
    assert.equal(back.size, 1);
    assert.match(back['os-vol-host-attr:host'], new RegExp(`^${host}@${backends[0]}#`));
    await apiDelete(cinder, 'volumes', id);
  });

  test(`${name}: what cannot be managed leaves an error that says so [manager 10.1]`, async () => {
    const { cinder, host, backends } = deployment();
    const { pools } = accepted(await cinder.get('/scheduler-stats/get_pools'));
    const place = pools.find((each: { name: string }) => each.name.startsWith(`${host}@${backends[0]}#`)).name;

    const volume = { host: place, ref: { 'source-name': 'there-is-no-such-file' }, name: 'never' };
    const { id } = accepted(await cinder.post('/manageable_volumes', { volume })).volume;

    // So the API shows `error_managing`.
    await cinder.becomes('volumes', id, 'error');
    accepted(await cinder.delete(`/volumes/${id}`));
    await cinder.becomes('volumes', id, 'deleted');
  });

  test(`${name}: a volume changes its owner [manager 12.6]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});
    const other = `us0000000000000000000000000000bb:${randomUUID().replaceAll('-', '')}`;

    const body = { transfer: { volume_id: volume.id, name: 'to another' } };
    const { transfer } = accepted(await cinder.post('/volume-transfers', body));
    const accept = { accept: { auth_key: transfer.auth_key } };
    accepted(await cinder.ask('POST', `/volume-transfers/${transfer.id}/accept`, accept, other));
    const mine = accepted(await cinder.ask('GET', `/volumes/${volume.id}`, undefined, other)).volume;

    assert.equal(mine.status, 'available');
    assert.equal(mine['os-vol-tenant-attr:tenant_id'], other.split(':')[1]);
    accepted(await cinder.ask('DELETE', `/volumes/${volume.id}`, undefined, other));
  });

  test(`${name}: groups, their snapshots, and groups made from both [manager 11]`, async () => {
    const { cinder, backends } = deployment();
    const type = await aType(cinder, backends[0]);
    const groupType = accepted(
      await cinder.post('/group_types', { group_type: { name: `g-${randomUUID()}` } }),
    ).group_type;
    const making = { group: { name: 'g', group_type: groupType.id, volume_types: [type.id] } };

    const group = accepted(await cinder.post('/groups', making)).group;
    await cinder.becomes('groups', group.id, 'available');
    const inside = await anApiVolume(cinder, { volume_type: type.id, group_id: group.id });
    const outside = await anApiVolume(cinder, { volume_type: type.id });
    accepted(await cinder.put(`/groups/${group.id}`, { group: { add_volumes: outside.id } }));
    await cinder.becomes('groups', group.id, 'available');
    accepted(await cinder.put(`/groups/${group.id}`, { group: { remove_volumes: outside.id } }));
    await cinder.becomes('groups', group.id, 'available');
    const snap = accepted(await cinder.post('/group_snapshots', { group_snapshot: { group_id: group.id, name: 's' } }));
    await cinder.becomes('group_snapshots', snap.group_snapshot.id, 'available');
    const sources = [{ group_snapshot_id: snap.group_snapshot.id }, { source_group_id: group.id }];
    const copies: string[] = [];
    for (const source of sources) {
      const body = { 'create-from-src': { name: 'copy', ...source } };
      const { group: copy } = accepted(await cinder.post('/groups/action', body));
      await cinder.becomes('groups', copy.id, 'available');
      copies.push(copy.id);
    }
    accepted(await cinder.delete(`/group_snapshots/${snap.group_snapshot.id}`));
    await cinder.becomes('group_snapshots', snap.group_snapshot.id, 'deleted');
    for (const id of [group.id, ...copies]) {
      await cinder.act('groups', id, { delete: { 'delete-volumes': true } });
      await cinder.becomes('groups', id, 'deleted');
    }

    assert.equal((await cinder.get(`/volumes/${inside.id}`)).status, 404);
    assert.equal((await cinder.get(`/volumes/${outside.id}`)).body.volume.group_id, null);
    await apiDelete(cinder, 'volumes', outside.id);
  });

  test(`${name}: a volume moves to the other backend and keeps its id [manager 9]`, async () => {
    const { cinder, host, backends } = deployment();
    // Its type names no backend: the scheduler would not let it go to another one.
    const volume = await anApiVolume(cinder, {});
    const other = backends.find((backend) => !volume['os-vol-host-attr:host'].startsWith(`${host}@${backend}#`));
    const { pools } = accepted(await cinder.get('/scheduler-stats/get_pools'));
    const place = pools.find((each: { name: string }) => each.name.startsWith(`${host}@${other}#`)).name;

    const migration = { host: place, force_host_copy: true, lock_volume: false };
    await cinder.act('volumes', volume.id, { 'os-migrate_volume': migration });
    const moved = await settled(deployment(), volume.id, (each) => each['os-vol-host-attr:host'] === place);

    assert.equal(moved.status, 'available');
    assert.equal(moved['os-vol-mig-status-attr:migstat'], 'success');
    await apiDelete(cinder, 'volumes', volume.id);
  });

  test(`${name}: a volume gets another type, here and by moving [manager 9.6]`, async () => {
    const { cinder, backends } = deployment();
    const [first, other, second] = [
      await aType(cinder, backends[0]),
      await aType(cinder, backends[0]),
      await aType(cinder, backends[1]),
    ];
    const volume = await anApiVolume(cinder, { volume_type: first.id });

    await cinder.act('volumes', volume.id, { 'os-retype': { new_type: other.id, migration_policy: 'never' } });
    const here = await settled(deployment(), volume.id, (each) => each['volume_type'] === other.name);
    await cinder.act('volumes', volume.id, { 'os-retype': { new_type: second.id, migration_policy: 'on-demand' } });
    const there = await settled(deployment(), volume.id, (each) => each['volume_type'] === second.name);

    assert.equal(here['os-vol-host-attr:host'], volume['os-vol-host-attr:host']);
    assert.ok(there['os-vol-host-attr:host'].includes(`@${backends[1]}#`));
    await apiDelete(cinder, 'volumes', volume.id);
  });

  test(`${name}: a backend is frozen and thawed [manager 12.2]`, async () => {
    const { cinder, host, backends } = deployment();
    const which = { host: `${host}@${backends[0]}` };

    accepted(await cinder.put('/os-services/freeze', which));
    const frozen = accepted(await cinder.get(`/os-services?host=${which.host}`)).services[0];
    accepted(await cinder.put('/os-services/thaw', which));
    const thawed = accepted(await cinder.get(`/os-services?host=${which.host}`)).services[0];

    assert.deepEqual([frozen.frozen, frozen.status, thawed.frozen], [true, 'disabled', false]);
    accepted(await cinder.put('/os-services/enable', { binary: 'cinder-volume', host: which.host }));
  });

  test(`${name}: an attachment of the old kind comes and goes [manager 7.8, manager 7.9]`, async () => {
    const { cinder } = deployment();
    const volume = await anApiVolume(cinder, {});
    const attach = { instance_uuid: randomUUID(), mountpoint: '/dev/vdc', mode: 'rw' };

    await cinder.act('volumes', volume.id, { 'os-attach': attach });
    const attached = await cinder.becomes('volumes', volume.id, 'in-use');
    await cinder.act('volumes', volume.id, { 'os-begin_detaching': {} });
    await cinder.act('volumes', volume.id, { 'os-detach': { attachment_id: attached.attachments[0].attachment_id } });
    await cinder.becomes('volumes', volume.id, 'available');

    assert.equal(attached.attachments[0].server_id, attach.instance_uuid);
    await apiDelete(cinder, 'volumes', volume.id);
  });

  test(`${name}: a snapshot is let go and taken back under another name [manager 10.2]`, async () => {
    const { cinder, backends, files } = deployment();
    const type = await aType(cinder, backends[0]);
    const volume = await anApiVolume(cinder, { volume_type: type.id });
    const snapshot = await anApiSnapshot(cinder, volume.id);
    const path = join(files(backends[0]), `snapshot-${snapshot.id}`);
    const separate = existsSync(path);

    await cinder.act('snapshots', snapshot.id, { 'os-unmanage': {} });
    await cinder.becomes('snapshots', snapshot.id, 'deleted');
    if (separate) renameSync(path, join(files(backends[0]), `found-${snapshot.id}`));
    const ref = { 'source-name': separate ? `found-${snapshot.id}` : `snapshot-${snapshot.id}` };
    const body = { snapshot: { volume_id: volume.id, ref, name: 'back' } };
    const { id } = accepted(await cinder.post('/manageable_snapshots', body)).snapshot;
    await cinder.becomes('snapshots', id, 'available');

    await apiDelete(cinder, 'snapshots', id);
    await apiDelete(cinder, 'volumes', volume.id);
  });
}

/** Waits until a volume is at rest and as it was asked for. */
async function settled({ cinder }: Deployment, id: string, holds: (volume: Record<string, string>) => boolean) {
  for (let look = 0; look < 600; look++) {
    const { volume } = accepted(await cinder.get(`/volumes/${id}`));
    const resting = ['available', 'in-use'].includes(volume.status);
    if (resting && holds(volume)) return volume;
    const failed = resting && volume['os-vol-mig-status-attr:migstat'] === 'error';
    if (failed || volume.status.startsWith('error')) throw new Error(`it failed: ${JSON.stringify(volume)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `volume ${id} did not become what it should: ${JSON.stringify((await cinder.get(`/volumes/${id}`)).body)}`,
  );
}
