import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseUtcTime } from '../../src/base/time.ts';
import type { NewVolume } from '../../src/interface/volume-table.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { execute } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';
import { aVolume, send, type TestManager, testManager } from '../support/manager.ts';
import { repository } from '../support/repository.ts';
import { recordedHost } from '../support/volume-wire.ts';

interface Told {
  readonly publisher_id: string;
  readonly event_type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What Cinder's own VolumeManager told in each scene (test/wire/manager/README.md). */
const recorded = readFileSync(join(repository, 'test/wire/manager/notifications.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): { scene: string; message: Told } => JSON.parse(line));

const user = { user_id: 'us0000000000000000000000000000aa', project_id: 'ad0000000000000000000000000000aa' };
const volumeType = '70000000-0000-4000-8000-000000000001';
const groupType = '70000000-0000-4000-8000-000000000002';
const server = '50000000-0000-4000-8000-000000000001';
const zone = 'nova';

/** The ids of the recording: what it is, and how many were made before. */
function idOf(kind: 'volume' | 'snapshot' | 'group' | 'group_snapshot', number: number): string {
  const first = { volume: 1, snapshot: 2, group: 3, group_snapshot: 4 }[kind];
  return `${first}0000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

interface Scene {
  readonly manager: TestManager;
  readonly told: readonly Told[];
  sql(text: string): void;
  volume(number: number, changes: Partial<NewVolume>): Promise<{ readonly volume: unknown }>;
  snapshot(number: number, volume: number, changes: Record<string, unknown>): Promise<{ readonly snapshot: unknown }>;
}

async function aScene(t: TestContext): Promise<Scene> {
  const told: Told[] = [];
  const info = async (_: unknown, publisher_id: string, event_type: string, payload: unknown) => {
    told.push({ publisher_id, event_type, payload: JSON.parse(JSON.stringify(payload)) });
  };
  const path = join(aFolder(t), 'cinder.sqlite');
  const driver = {
    snapshotRevertUseTempSnapshot: () => false,
    revertToSnapshot: async ({ id }: { readonly id: string }) => {
      if (id === idOf('volume', 15)) throw new Error('disk full');
    },
    unmanage: async () => {},
    createExport: async () => ({}),
  };
  const manager = await testManager(driver, { host: recordedHost, notifier: { enabled: true, info } }, path);
  t.after(() => manager[Symbol.asyncDispose]());
  const sql = (text: string): void => execute(path, text);
  sql(`insert into volume_types (id, name, deleted, is_public) values ('${volumeType}', 't', 0, 1)`);
  sql(`insert into group_types (id, name, deleted, is_public) values ('${groupType}', 'g', 0, 1)`);
  const launched_at = parseUtcTime('2026-11-23T08:00:00.000001Z') ?? null;
  return {
    manager,
    told,
    sql,
    async volume(number, changes) {
      const id = idOf('volume', number);
      const names = {
        host: `${recordedHost}#pool`,
        display_name: 'v',
        availability_zone: zone,
        volume_type_id: volumeType,
      };
      await manager.db.volumes.create(aVolume({ id, ...names, ...user, launched_at, ...changes }));
      await manager.db.volumes.update(id, { status: changes.status ?? 'creating' });
      return { volume: volumeCodec.encode({ id }) };
    },
    async snapshot(number, volume, changes) {
      const id = idOf('snapshot', number);
      const row = { id, volume_id: idOf('volume', volume), volume_size: 1, display_name: 's', ...user };
      await manager.db.snapshots.create({ ...row, volume_type_id: volumeType, status: 'creating', ...changes });
      return { snapshot: snapshotCodec.encode({ id }) };
    },
  };
}

function object(name: string, version: string, id: string) {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': version,
    'versioned_object.data': { id },
  };
}

const connector = { host: 'compute1', mode: 'rw', mountpoint: '/dev/vdb', initiator: 'iqn' };

const scenes: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async delete_volume({ manager, volume }) {
    await send(manager, 'delete_volume', await volume(1, { status: 'deleting', metadata: { a: 'b' } }));
  },
  async extend_volume({ manager, volume }) {
    await send(manager, 'extend_volume', { ...(await volume(2, { status: 'extending' })), new_size: 3 });
  },
  async extend_bootable({ manager, volume }) {
    const args = await volume(3, { status: 'extending' });
    const properties = { image_id: 'i1', os_distro: 'linux' };
    await manager.db.volumes.replaceGlanceMetadata({ volume_id: idOf('volume', 3) }, properties);
    await send(manager, 'extend_volume', { ...args, new_size: 2 });
  },
  async attachment({ manager, volume }) {
    const { volume: vref } = await volume(4, { status: 'reserved' });
    const id = '5a000000-0000-4000-8000-000000000001';
    const reserved = { instance_uuid: server, attach_status: 'reserved', attach_mode: 'null' } as const;
    await manager.db.attachments.create({ id, volume_id: idOf('volume', 4), ...reserved });
    await send(manager, 'attachment_update', { vref, connector, attachment_id: id });
    await send(manager, 'attachment_delete', { vref, attachment_id: id });
  },
  async os_attach({ manager, volume }) {
    const { volume: object } = await volume(5, { status: 'attaching', provider_auth: 'CHAP user secret' });
    const about = { volume_id: idOf('volume', 5), volume: object };
    const at = { instance_uuid: server, host_name: null, mountpoint: '/dev/vdb', mode: 'rw' };
    await send(manager, 'attach_volume', { ...about, ...at });
    await manager.db.volumes.update(about.volume_id, { status: 'detaching' });
    await send(manager, 'detach_volume', about);
  },
  async snapshots({ manager, volume, snapshot }) {
    await volume(6, { status: 'available' });
    const args = await snapshot(7, 6, { metadata: { a: 'b', it: "it's" } });
    await send(manager, 'create_snapshot', args);
    await manager.db.snapshots.update(idOf('snapshot', 7), { status: 'deleting' });
    await send(manager, 'delete_snapshot', args);
  },
  async revert({ manager, volume, snapshot }) {
    const about = await volume(8, { status: 'reverting' });
    await send(manager, 'revert_to_snapshot', { ...about, ...(await snapshot(9, 8, { status: 'restoring' })) });
  },
  async unmanage({ manager, volume }) {
    await send(manager, 'delete_volume', { ...(await volume(10, { status: 'unmanaging' })), unmanage_only: true });
  },
  async groups({ manager, volume, snapshot, sql }) {
    const id = idOf('group', 11);
    const owner = `'${user.user_id}', '${user.project_id}'`;
    const at = `'2026-11-23 08:00:00.000001'`;
    sql(
      `insert into "groups" (id, user_id, project_id, host, availability_zone, name, group_type_id, status, created_at, deleted)
       values ('${id}', ${owner}, '${recordedHost}#pool', '${zone}', 'g', '${groupType}', 'creating', ${at}, 0)`,
    );
    const group = object('Group', '1.2', id);
    await send(manager, 'create_group', { group });
    await volume(12, { status: 'available' });
    await manager.db.groups.update(id, { status: 'updating' });
    await send(manager, 'update_group', { group, add_volumes: idOf('volume', 12), remove_volumes: '' });
    const part = idOf('group_snapshot', 13);
    sql(
      `insert into group_snapshots (id, user_id, project_id, group_id, name, group_type_id, status, created_at, deleted)
       values ('${part}', ${owner}, '${id}', 'gs', '${groupType}', 'creating', ${at}, 0)`,
    );
    await snapshot(14, 12, { group_snapshot_id: part });
    const group_snapshot = object('GroupSnapshot', '1.0', part);
    await send(manager, 'create_group_snapshot', { group_snapshot });
    await manager.db.groupSnapshots.update(part, { status: 'deleting' });
    await manager.db.snapshots.update(idOf('snapshot', 14), { status: 'deleting' });
    await send(manager, 'delete_group_snapshot', { group_snapshot });
    await manager.db.groups.update(id, { status: 'deleting' });
    await manager.db.volumes.update(idOf('volume', 12), { status: 'deleting' });
    await send(manager, 'delete_group', { group });
  },
  async failed_revert({ manager, volume, snapshot }) {
    const about = await volume(15, { status: 'reverting' });
    const args = { ...about, ...(await snapshot(16, 15, { status: 'restoring' })) };
    await assert.rejects(send(manager, 'revert_to_snapshot', args), /disk full/);
  },
};

test('every scene of the recording is played [manager 14]', () => {
  assert.deepEqual([...new Set(recorded.map(({ scene }) => scene))], Object.keys(scenes));
});

for (const [name, play] of Object.entries(scenes)) {
  test(`what is told of ${name} is what Cinder tells: events, publishers and all fields [manager 14]`, async (t) => {
    const scene = await aScene(t);

    await play(scene);

    const expected = recorded.filter((one) => one.scene === name).map(({ message }) => message);
    assert.deepEqual(
      scene.told.map(({ event_type, publisher_id }) => [event_type, publisher_id]),
      expected.map(({ event_type, publisher_id }) => [event_type, publisher_id]),
    );
    for (const [at, { payload }] of expected.entries()) {
      assert.deepEqual(masked(scene.told[at]?.payload), masked(payload), scene.told[at]?.event_type);
    }
  });
}

/** Times in their form alone, and of texts that are JSON what they say. */
function masked(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item));
  if (typeof value === 'object' && value !== null) {
    const id = 'attach_mode' in value ? { id: 'of an attachment' } : {};
    return Object.fromEntries(Object.entries({ ...value, ...id }).map(([name, item]) => [name, masked(item, name)]));
  }
  if (typeof value !== 'string') return value;
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return value.replaceAll(/\d/g, '9');
  return key === 'connector' ? JSON.parse(value) : value;
}
