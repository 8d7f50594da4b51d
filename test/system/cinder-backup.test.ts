import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { aBackup, askForBackup, restored, startBackupService, volumeFrom } from '../support/backups.ts';
import { accepted } from '../support/cinder.ts';
import { anApiSnapshot, anApiVolume, apiDelete, aType } from '../support/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { aFileSystem, whyNoMount } from '../support/file-system.ts';
import { activeFile, script, textsAt } from '../support/nfs-share.ts';
import { aShareBackend, shareFolder } from '../support/share-backend.ts';
import { aroundTheDaemon, type Ground, type WholeCinder } from '../support/whole-cinder.ts';

const MiB = 2 ** 20;
/** Where the tests write six letters. */
const offsets = [0, 500 * MiB, 1023 * MiB];

type Backend = 'one' | 'two';

/** A volume that nobody uses, and nothing under way. */
const atRest = { status: 'available', workers: 0, attachments: 0 };

const placeOf = (folder: string, backend: Backend): string =>
  backend === 'two' ? shareFolder(folder) : join(folder, 'one');
const holdIn = (folder: string): string => join(folder, 'hold');

/**
 * The file system of the first backend can share blocks where one can be mounted: then a volume in use can be copied. The
 * second backend has a share. While the file `hold` is there, nothing is converted.
 */
function ground(folder: string, undo: (step: () => unknown) => void): Ground {
  const [one, bin] = [placeOf(folder, 'one'), join(folder, 'bin')];
  for (const made of [one, bin]) mkdirSync(made);
  if (whyNoMount() === undefined) {
    const mounted = aFileSystem({ after: (step) => undo(step as () => unknown) }, 'xfs', 8192);
    execFileSync('mount', ['--bind', mounted, one]);
    undo(() => execFileSync('umount', ['--lazy', one]));
  }
  const wait = `while [ -e ${holdIn(folder)} ] && [ "$1" = convert ]; do sleep 0.1; done`;
  script(join(bin, 'qemu-img'), `${wait}; exec /usr/bin/qemu-img "$@"`);
  return {
    env: { PATH: `${bin}:${process.env['PATH']}` },
    backends: { one: { file_storage_dir: one }, two: aShareBackend(folder, undo) },
  };
}

const options = {
  broker: '3',
  database: 'mariadb',
  defaults: { report_interval: 2, service_down_time: 20 },
  ground,
} as const;

aroundTheDaemon('cinder-backup with RabbitMQ 3.x and MariaDB', options, (whole) => {
  before(() => startBackupService(whole().cinder));

  for (const [backend, kind, into] of [
    ['one', 'local', 'over the old volume'],
    ['two', 'nfs', 'into a new one'],
  ] as const) {
    test(`${kind}: a whole and an incremental backup, restored ${into} [manager 12.4, rpc 4.6, storage 2.3]`, async () => {
      const { cinder } = whole();
      const volume = await aVolumeOn(whole(), backend);
      write(whole(), backend, volume.id, ['first ', '', 'last  ']);

      const full = await aBackup(cinder, volume.id);
      const between = await standing(whole(), volume.id);
      write(whole(), backend, volume.id, ['second', 'middle', '']);
      const incremental = await aBackup(cinder, volume.id, { incremental: true });
      write(whole(), backend, volume.id, ['spoilt', '', 'spoilt']);
      const target = backend === 'one' ? { volume_id: volume.id } : {};
      const back = await restored(cinder, incremental.id, target);

      assert.deepEqual([full.is_incremental, incremental.is_incremental], [false, true]);
      assert.equal(back.id === volume.id, backend === 'one');
      assert.equal(read(whole(), back), 'second middle last  ');
      for (const each of [between, await standing(whole(), volume.id)]) assert.deepEqual(each, atRest);
      await endBackups(whole(), [incremental.id, full.id]);
      for (const id of new Set([volume.id, back.id])) await apiDelete(cinder, 'volumes', id);
      assert.deepEqual(files(whole()), []);
    });
  }

  test('local: a backup of a snapshot is of its moment, and a volume is made from the backup [manager 12.4, manager 4.7]', async () => {
    const { cinder } = whole();
    const volume = await aVolumeOn(whole(), 'one');
    write(whole(), 'one', volume.id, ['before', '', '']);
    const snapshot = await anApiSnapshot(cinder, volume.id);
    write(whole(), 'one', volume.id, ['after ', 'after ', '']);

    const backup = await aBackup(cinder, volume.id, { snapshot_id: snapshot.id });
    await cinder.becomes('snapshots', snapshot.id, 'available');
    await eventually('its copy is gone', async () => (await temporaryVolumes(whole())).length === 0, 60_000);
    const made = await volumeFrom(cinder, backup.id);

    assert.equal(read(whole(), made), 'before ------ ------');
    for (const { id } of [volume, made]) assert.deepEqual(await standing(whole(), id), atRest);
    await endBackups(whole(), [backup.id]);
    await apiDelete(cinder, 'volumes', made.id);
    await apiDelete(cinder, 'volumes', volume.id, '?cascade=true');
    assert.deepEqual(files(whole()), []);
  });

  test('local: a volume in use is backed up from a copy, which goes afterwards [manager 12.4, storage S-13]', async (t) => {
    const why = whyNoMount();
    if (why !== undefined) return t.skip(`a file system that shares blocks is needed: ${why}`);
    const { cinder } = whole();
    const volume = await aVolumeOn(whole(), 'one');
    write(whole(), 'one', volume.id, ['in use', '', '']);
    const connector = { host: 'compute1', ip: '127.0.0.1', initiator: 'iqn.2026-11.org.example:one', multipath: false };
    const body = { attachment: { volume_uuid: volume.id, connector } };
    const { id } = accepted(await cinder.post('/attachments', body)).attachment;
    accepted(await cinder.post(`/attachments/${id}/action`, { 'os-complete': {} }));
    await cinder.becomes('volumes', volume.id, 'in-use');

    const refused = await cinder.post('/backups', { backup: { volume_id: volume.id } });
    const backup = await aBackup(cinder, volume.id, { force: true });
    const after = await cinder.becomes('volumes', volume.id, 'in-use');
    await eventually('its copy is gone', async () => (await temporaryVolumes(whole())).length === 0, 60_000);
    accepted(await cinder.delete(`/attachments/${id}`));
    await cinder.becomes('volumes', volume.id, 'available');
    const back = await restored(cinder, backup.id);

    assert.equal(refused.status, 400);
    assert.equal(after.attachments.length, 1);
    assert.equal(read(whole(), back), 'in use ------ ------');
    assert.deepEqual(await standing(whole(), volume.id), atRest);
    await endBackups(whole(), [backup.id]);
    for (const each of [volume.id, back.id]) await apiDelete(cinder, 'volumes', each);
    assert.deepEqual(files(whole()), []);
  });

  test('nfs: a worker that is killed while it copies for a backup leaves nothing, and the backup ends with cinder-backup [manager 2.3, manager 12.4, R-15]', async () => {
    const { cinder, daemon, folder } = whole();
    const hold = holdIn(folder);
    const volume = await aVolumeOn(whole(), 'two');
    write(whole(), 'two', volume.id, ['before', '', '']);
    const snapshot = await anApiSnapshot(cinder, volume.id);

    writeFileSync(hold, '');
    const backup = await askForBackup(cinder, volume.id, { snapshot_id: snapshot.id });
    const copying = await eventually('the copy is under way', async () => (await temporaryVolumes(whole()))[0], 60_000);
    process.kill(await daemon.worker('two'), 'SIGKILL');
    await daemon.isUp();
    await eventually('the copy is gone', async () => (await temporaryVolumes(whole())).length === 0, 60_000);
    rmSync(hold);
    const left = files(whole()).filter((name) => name.includes(String(copying['id'])));
    const claims = await standing(whole(), volume.id);
    // What upstream does with a backup that nobody goes on with: its own service ends it when it starts.
    await cinder.peer('cinder-backup')?.stop();
    await startBackupService(cinder);
    await cinder.becomes('backups', backup.id, 'error');
    await cinder.act('snapshots', snapshot.id, { 'os-reset_status': { status: 'available' } });
    const second = await aBackup(cinder, volume.id, { snapshot_id: snapshot.id });
    const back = await restored(cinder, second.id);

    assert.deepEqual(left, []);
    assert.deepEqual(claims, atRest);
    assert.equal(read(whole(), back), 'before ------ ------');
    await endBackups(whole(), [second.id, backup.id]);
    await apiDelete(cinder, 'volumes', back.id);
    await apiDelete(cinder, 'volumes', volume.id, '?cascade=true');
    assert.deepEqual(files(whole()), []);
  });
});

async function aVolumeOn({ cinder }: WholeCinder, backend: Backend) {
  return anApiVolume(cinder, { volume_type: (await aType(cinder, backend)).id });
}

/** Writes at the three places as a guest does, through whatever files the volume has; nothing where the text is empty. */
function write({ folder }: WholeCinder, backend: Backend, id: string, texts: readonly string[]): void {
  const file = activeFile(placeOf(folder, backend), `volume-${id}`);
  const source = join(folder, 'text');
  const format = file.endsWith(`volume-${id}`) ? 'raw' : 'qcow2';
  for (const [at, text] of texts.entries()) {
    if (text === '') continue;
    writeFileSync(source, text);
    execFileSync('qemu-io', ['-f', format, '-c', `write -s ${source} ${offsets[at]} ${text.length}`, file]);
  }
}

/** What stands at the three places of a volume, wherever it is. */
function read({ folder }: WholeCinder, volume: Readonly<Record<string, string>>): string {
  const backend = volume['os-vol-host-attr:host']?.includes('@two#') ? 'two' : 'one';
  return textsAt(activeFile(placeOf(folder, backend), `volume-${volume['id']}`), offsets);
}

/** The volume as its owner sees it, and what is under way on the backends. */
async function standing({ cinder, database }: WholeCinder, id: string) {
  const { volume } = accepted(await cinder.get(`/volumes/${id}`));
  const workers = await database.admin("select id from workers where resource_type <> 'SENTINEL'", 'cinder');
  return { status: volume.status, workers: workers.length, attachments: volume.attachments.length };
}

/** Rows of the copies that backups are read from. */
function temporaryVolumes({ database }: WholeCinder) {
  const sql = "select id, status from volumes where display_name like 'backup-vol-%' and deleted = 0";
  return database.admin(sql, 'cinder');
}

async function endBackups({ cinder }: WholeCinder, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    accepted(await cinder.delete(`/backups/${id}`));
    await cinder.becomes('backups', id, 'deleted');
  }
}

function files({ folder }: WholeCinder): string[] {
  const names = (['one', 'two'] as const).flatMap((backend) => readdirSync(placeOf(folder, backend)));
  return names.filter((name) => /^(volume|snapshot)-/.test(name));
}
