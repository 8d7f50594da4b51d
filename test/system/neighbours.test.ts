import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { accepted, type Cinder } from '../support/cinder.ts';
import type { Daemon } from '../support/daemon.ts';
import { anApiSnapshot, anApiVolume, apiDelete, aType } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { amongNeighbours, type Neighbourhood, node } from '../support/neighbours.ts';
import { NovaStandIn } from '../support/nova-stand-in.ts';
import { keepCopy, requireSame, writeWord } from '../support/share-content.ts';

/** To SQL's LIKE the first name stands for the second, too. */
const [ours, theirs] = ['nfs_1', 'nfs-1'];
const backends = [ours, theirs] as const;
const migration = 'os-vol-mig-status-attr:migstat';
const title = 'Debian’s cinder-volume beside us';

let daemon: Daemon;
let file = '';
let nova: NovaStandIn;

async function setUp(those: Neighbourhood): Promise<void> {
  nova = await NovaStandIn.start(those);
  const user = { auth_url: nova.url, username: 'cinder', password: 'pw', project_name: 'service' };
  daemon = those.daemon(those.backend(ours), { nova: { ...user, interface: 'internal', region_name: 'R1' } });
  file = those.backend(theirs);
  await Promise.all([daemon.startUp(), those.startDebian(file)]);
  await Promise.all(backends.map((backend) => those.isSeen(backend)));
}

amongNeighbours(title, setUp, (those) => {
  test(`${title}, on one host and with one folder of state: each makes and deletes its own [issue: neighbours, L-082, M-10, manager 13]`, async () => {
    const { cinder } = those();
    const types = await Promise.all(backends.map((backend) => aType(cinder, backend)));
    const services = await those().rows(
      `select host, count(*) as n from services where host like 'labhost@%' group by host`,
    );

    const made = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (at) => {
        const volume = await anApiVolume(cinder, { volume_type: types[at % 2]?.id });
        const snapshot = await anApiSnapshot(cinder, volume.id);
        return { backend: backends[at % 2] ?? ours, id: volume.id as string, snapshot: snapshot.id as string };
      }),
    );
    const places = made.map(({ backend, id }) => existsSync(join(those().folderOf(backend), `volume-${id}`)));
    await Promise.all(
      made.map(async ({ id, snapshot }) => {
        await apiDelete(cinder, 'snapshots', snapshot);
        await apiDelete(cinder, 'volumes', id);
      }),
    );
    await those().isAtRest();

    assert.deepEqual(
      services.map(({ host, n }) => `${host} ${n}`).sort(),
      backends.map((backend) => `${node}@${backend} 1`).sort(),
    );
    assert.deepEqual(
      places,
      made.map(() => true),
    );
    assert.deepEqual(
      backends.map((backend) => those().filesOf(backend)),
      [[], []],
    );
    const queues = await those().base.broker.queues();
    for (const backend of backends)
      assert.ok(queues.includes(`cinder-volume.${node}@${backend}.${node}`), String(queues));
    const ourLocks = made.filter(({ backend }) => backend === ours).flatMap(({ id }) => locksOf(those(), id));
    assert.deepEqual(ourLocks, []);
    assert.deepEqual(daemon.logged(/ (WARNING|ERROR|CRITICAL) .*labhost@nfs-1/), []);
  });

  test(`${title}: neither start touches what the other was killed in, or has yet to hear of [issue: neighbours, manager 2.3, manager 2.6, database 5.5]`, async () => {
    const { cinder } = those();
    const types = await Promise.all(backends.map((backend) => aType(cinder, backend)));
    const volumes = () =>
      Promise.all(types.map(async ({ id }) => (await anApiVolume(cinder, { volume_type: id })).id as string));
    const [first, second, third] = [await volumes(), await volumes(), await volumes()];
    const theirState = () => stateOf(those(), [first[1] ?? '', second[1] ?? '']);
    const ourState = () => stateOf(those(), [third[0] ?? '']);

    await killBoth(those(), first);
    // Our message dies; theirs waits in their queue. The row of each says that nobody has begun.
    for (const id of second.toReversed()) accepted(await cinder.delete(`/volumes/${id}`));
    await those().base.broker.ctl('purge_queue', `cinder-volume.${node}@${ours}.${node}`);
    const before = await theirState();
    await daemon.startUp();
    for (const [id] of [first, second]) await cinder.becomes('volumes', id ?? '', 'deleted', 120_000);
    const after = await theirState();
    await those().startDebian(file);
    for (const [, id] of [first, second]) await cinder.becomes('volumes', id ?? '', 'deleted', 120_000);

    await killBoth(those(), third);
    const ourBefore = await ourState();
    await those().startDebian(file);
    await cinder.becomes('volumes', third[1] ?? '', 'deleted', 120_000);
    const ourAfter = await ourState();
    await daemon.startUp();
    await cinder.becomes('volumes', third[0] ?? '', 'deleted', 120_000);
    await those().isAtRest();

    assert.equal(before.workers.length, 2);
    assert.deepEqual(after, before);
    const told = daemon.logged(/ (Cleaning|No message came for) /);
    assert.equal(told.length, 3);
    assert.deepEqual(
      told.filter((line) => [first, second, third].some(([, id]) => line.includes(id ?? '?'))),
      [],
    );
    assert.equal(ourBefore.workers.length, 1);
    assert.deepEqual(ourAfter, ourBefore);
    assert.deepEqual(
      backends.map((backend) => those().filesOf(backend)),
      [[], []],
    );
  });

  test(`${title}: a volume moves to the other and back, whether a copy is forced or not, and keeps every byte [manager 9.1, manager 9.2, manager 9.3, manager 9.4, manager 9.5]`, async () => {
    const { cinder } = those();
    // A type that named a backend would keep it there.
    const volume = await anApiVolume(cinder, {});
    const copy = join(those().statePath, 'copy');
    let place = volume['os-vol-host-attr:host'] as string;
    writeWord(join(those().folderOf(backendOf(place)), `volume-${volume.id}`), 'moving');
    keepCopy(join(those().folderOf(backendOf(place)), `volume-${volume.id}`), copy);
    const hops: string[] = [];

    for (const forced of [true, true, false, false]) {
      const to = await poolOf(cinder, backendOf(place) === ours ? theirs : ours);
      const request = { host: to, force_host_copy: forced, lock_volume: false };
      await cinder.act('volumes', volume.id, { 'os-migrate_volume': request });
      await settled(cinder, volume.id, (each) => each['os-vol-host-attr:host'] === to && each[migration] === 'success');
      await those().isAtRest();
      const files = those().filesOf(backendOf(to));
      await those().isEmpty(backendOf(place));
      assert.equal(files.length, 1);
      requireSame(join(those().folderOf(backendOf(to)), files[0] ?? ''), copy);
      hops.push(`${backendOf(place)} ${forced}`);
      place = to;
    }
    await cinder.act('volumes', volume.id, { 'os-extend': { new_size: 2 } });
    await cinder.becomes('volumes', volume.id, 'available');
    await anApiSnapshot(cinder, volume.id);
    await apiDelete(cinder, 'volumes', volume.id, '?cascade=true');
    await those().isAtRest();

    assert.deepEqual(hops.sort(), backends.flatMap((backend) => [`${backend} false`, `${backend} true`]).sort());
    assert.deepEqual(
      backends.map((backend) => those().filesOf(backend)),
      [[], []],
    );
    assert.deepEqual(await those().quotaInUse(), {});
  });

  test(`${title}: a volume gets a type of the other, and moves there with every byte, both ways [manager 9.6, manager 9.5]`, async () => {
    const { cinder } = those();
    const types = await Promise.all(backends.map((backend) => aType(cinder, backend)));
    const copy = join(those().statePath, 'copy');
    const ways = [
      [0, 1],
      [1, 0],
    ] as const;

    for (const [from, to] of ways) {
      const [before, after] = [types[from], types[to]];
      const volume = await anApiVolume(cinder, { volume_type: before?.id });
      writeWord(join(those().folderOf(backends[from]), `volume-${volume.id}`), 'retype');
      keepCopy(join(those().folderOf(backends[from]), `volume-${volume.id}`), copy);
      await cinder.act('volumes', volume.id, { 'os-retype': { new_type: after?.id, migration_policy: 'on-demand' } });
      const moved = await settled(cinder, volume.id, (each) => each['volume_type'] === after?.name);
      await those().isAtRest();
      const files = those().filesOf(backends[to]);
      assert.match(moved['os-vol-host-attr:host'] ?? '', new RegExp(`^${node}@${backends[to]}#`));
      await those().isEmpty(backends[from]);
      requireSame(join(those().folderOf(backends[to]), files[0] ?? ''), copy);
      assert.deepEqual(await those().quotaInUse(), {
        gigabytes: 1,
        volumes: 1,
        [`gigabytes_${after?.name}`]: 1,
        [`volumes_${after?.name}`]: 1,
      });
      await apiDelete(cinder, 'volumes', volume.id);
    }
  });

  test(`${title}: Nova copies a volume that a server uses; where that fails, the volume stays with us [manager 9.2, manager 9.3, manager 9.4]`, async () => {
    const { cinder } = those();
    // A type that named a backend would keep it there.
    const other = { binary: 'cinder-volume', host: `${node}@${theirs}` };
    accepted(await cinder.put('/os-services/disable', other));
    const { id } = await anApiVolume(cinder, {});
    accepted(await cinder.put('/os-services/enable', other));
    const server = randomUUID();
    await cinder.act('volumes', id, { 'os-attach': { instance_uuid: server, mountpoint: '/dev/vdc', mode: 'rw' } });
    const { attachments } = await cinder.becomes('volumes', id, 'in-use');
    const to = await poolOf(cinder, theirs);

    const ends: Record<string, string | undefined>[] = [];
    for (const error of [true, false]) {
      nova.answers.push({ status: 202 });
      const asked = nova.requests.length;
      await cinder.act('volumes', id, {
        'os-migrate_volume': { host: to, force_host_copy: false, lock_volume: false },
      });
      const request = await eventually('Nova is asked', () => nova.requests[asked], 60_000, 50);
      const { volumeAttachment } = request.content as { volumeAttachment: { volumeId: string } };
      const next = volumeAttachment.volumeId;
      assert.equal(`${request.method} ${request.path}`, `PUT servers/${server}/os-volume_attachments/${id}`);
      await those().isAtRest();
      await cinder.act('volumes', id, { 'os-migrate_volume_completion': { new_volume: next, error } });
      await those().isAtRest();
      ends.push((await cinder.get(`/volumes/${id}`)).body.volume);
      if (error) await those().isEmpty(theirs);
      else assert.deepEqual(those().filesOf(theirs), [`volume-${next}`]);
    }
    await cinder.act('volumes', id, { 'os-begin_detaching': {} });
    const { attachments: now } = (await cinder.get(`/volumes/${id}`)).body.volume;
    await cinder.act('volumes', id, { 'os-detach': { attachment_id: now[0].attachment_id } });
    await cinder.becomes('volumes', id, 'available');
    await apiDelete(cinder, 'volumes', id);
    await those().isAtRest();

    assert.deepEqual(
      ends.map((volume) => [volume['status'], volume[migration], backendOf(volume['os-vol-host-attr:host'] ?? '')]),
      [
        ['in-use', 'error', ours],
        ['in-use', 'success', theirs],
      ],
    );
    assert.equal(attachments[0].server_id, now[0].server_id);
    assert.deepEqual(
      backends.map((backend) => those().filesOf(backend)),
      [[], []],
    );
  });
});

/** Ends both services without a warning in the middle of a delete of each. */
async function killBoth(those: Neighbourhood, ids: readonly string[]): Promise<void> {
  const locks = ids.map((id) => those.holdFiles(id));
  for (const id of ids) accepted(await those.cinder.delete(`/volumes/${id}`));
  await those.areClaimed(ids);
  daemon.signalAll('SIGKILL');
  await Promise.all([daemon.gone(60_000), those.killDebian()]);
  for (const lock of locks) lock.release();
}

/** All that tells whether somebody has touched these volumes. */
async function stateOf(those: Neighbourhood, ids: readonly string[]) {
  const words = ids.map((id) => `'${id}'`).join(',');
  return {
    volumes: await those.rows(`select * from volumes where id in (${words}) order by id`),
    workers: await those.rows(`select * from workers where resource_id in (${words}) order by id`),
    files: ids.map((id) => backends.flatMap((backend) => those.filesOf(backend)).includes(`volume-${id}`)),
  };
}

function locksOf(those: Neighbourhood, id: string): string[] {
  return readdirSync(those.statePath).filter((name) => name.includes(id));
}

function backendOf(place: string): string {
  return place.slice(place.indexOf('@') + 1, place.indexOf('#'));
}

async function poolOf(cinder: Cinder, backend: string): Promise<string> {
  const { pools } = accepted(await cinder.get('/scheduler-stats/get_pools'));
  return pools.find(({ name }: { name: string }) => name.startsWith(`${node}@${backend}#`)).name;
}

/** Waits until a volume is at rest and as it was asked for. */
async function settled(cinder: Cinder, id: string, holds: (volume: Record<string, string>) => boolean) {
  let last = '';
  const wait = async (): Promise<Record<string, string> | false> => {
    const { volume } = accepted(await cinder.get(`/volumes/${id}`));
    last = JSON.stringify(volume);
    const failed = volume[migration] === 'error' || volume.status.startsWith('error');
    if (failed) throw new Error(`it failed: ${last}`);
    return volume.status === 'available' && holds(volume) && volume;
  };
  return eventually(() => `volume ${id} is as it was asked for: ${last}`, wait, 90_000, 200);
}
