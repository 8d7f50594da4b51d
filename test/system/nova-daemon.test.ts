import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { volumeTarget } from '../../src/messaging/addressing.ts';
import { readBrokerFile } from '../../src/messaging/broker-file.ts';
import { transportSettings } from '../../src/messaging/connection-plan.ts';
import { openTransport } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { contextFor } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { aRunningDaemon } from '../support/daemon.ts';
import { openTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { aVolume } from '../support/manager.ts';
import { aClient, rabbitPresets, rpcPresets } from '../support/messaging.ts';
import { aShare, sharePoint, whyNoQemu } from '../support/nfs-share.ts';
import { NovaStandIn } from '../support/nova-stand-in.ts';

const signal = AbortSignal.timeout(120_000);
const why = process.getuid?.() === 0 ? whyNoQemu() : 'only root can mount a share';
const skip = why === undefined ? {} : { skip: why };

/** A daemon with a backend on a share of this machine, and a Nova that takes orders. */
async function setUp(t: TestContext) {
  const nova = await NovaStandIn.start(t);
  const state = mkdtempSync(join(tmpdir(), 'vd-'));
  const folder = sharePoint(state, aShare);
  for (const made of [folder, join(state, 'export')]) mkdirSync(made, { recursive: true });
  writeFileSync(join(state, 'shares'), `${aShare}\n`);
  execFileSync('mount', ['--bind', join(state, 'export'), folder]);
  // After what is mounted is no longer in use: hooks run in the order of their making.
  const unmount = (): void => {
    execFileSync('umount', ['--lazy', folder]);
    rmSync(state, { recursive: true, force: true });
  };
  const nfs = {
    volume_driver: 'cinder.volume.drivers.nfs.NfsDriver',
    nfs_shares_config: join(state, 'shares'),
    nfs_mount_point_base: join(state, 'mnt'),
    nfs_snapshot_support: true,
    nas_secure_file_operations: false,
    nas_secure_file_permissions: false,
    max_over_subscription_ratio: '1000',
  };
  const user = {
    auth_type: 'password',
    auth_url: nova.url,
    username: 'cinder',
    password: 'pw',
    project_name: 'service',
  };
  const daemon = await aRunningDaemon(t, {
    backends: { nfs1: nfs },
    defaults: { host: 'node1' },
    sections: { nova: { ...user, interface: 'internal', region_name: 'R1' } },
  }).finally(() => t.after(unmount));
  const embedded = await readBrokerFile(daemon.folder);
  assert.ok(embedded);
  const url = parseTransportUrl('embedded://');
  const sources = { url, rabbit: rabbitPresets, rpc: rpcPresets, embedded, program: 'test', logs: () => silent };
  const transport = await openTransport(transportSettings(sources), signal);
  t.after(() => transport.close(0));
  const client = aClient(transport);
  const db = await openTestDatabase(t, { path: join(daemon.folder, 'cinder.sqlite') });
  /** Asks for a snapshot of an attached volume, as the API does. */
  const order = async (): Promise<{ readonly id: string; readonly volume: string; readonly file: string }> => {
    const volume = aVolume({
      host: `node1@nfs1#${aShare}`,
      status: 'in-use',
      attach_status: 'attached',
      provider_location: aShare,
      admin_metadata: { format: 'raw' },
    });
    const id = randomUUID();
    const snapshot = { id, volume_id: volume.id, volume_size: 1, status: 'creating', project_id: 'p1' } as const;
    await db.volumes.create(volume);
    await db.snapshots.create(snapshot);
    writeFileSync(join(folder, `volume-${volume.id}`), '');
    truncateSync(join(folder, `volume-${volume.id}`), 2 ** 30);
    await client.cast(volumeTarget(serviceHost('node1', 'nfs1')), {
      method: 'create_snapshot',
      version: '3.0',
      args: { snapshot: snapshotCodec.encode(snapshot) },
      context: contextFor({ user_id: 'u1', project_id: 'p1' }),
    });
    return { id, volume: volume.id, file: `volume-${volume.id}.${id}` };
  };
  /** By way of the API, in a cloud. */
  const report = async (id: string): Promise<void> => void (await db.snapshots.update(id, { progress: '90%' }));
  const ends = async (id: string, status: string): Promise<void> => {
    const isSo = async (): Promise<boolean> => (await db.snapshots.get(id))?.status === status;
    await eventually(`the snapshot is ${status}`, isSo, 40_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${daemon.logText().slice(-6000)}`);
    });
  };
  const info = (volume: string): unknown => JSON.parse(readFileSync(join(folder, `volume-${volume}.info`), 'utf8'));
  return { nova, daemon, db, folder, order, report, ends, info };
}

test(
  'the daemon has Nova move a guest to the file of a new snapshot [manager 16, storage 3.3, config 12.7]',
  skip,
  async (t) => {
    const { nova, order, report, ends, info } = await setUp(t);
    nova.work = ({ content }) => report(orderedOf(content));

    const { id, volume, file } = await order();
    await ends(id, 'available');

    const create_info = { type: 'qcow2', new_file: file, snapshot_id: id };
    assert.deepEqual(
      nova.requests.map(({ path, content, headers }) => [path, content, headers['x-auth-token']]),
      [['os-assisted-volume-snapshots', { snapshot: { volume_id: volume, create_info } }, 'token-1']],
    );
    assert.deepEqual(info(volume), { active: file, [id]: file });
  },
);

test(
  'a worker that is killed while Nova works finishes what Nova has done, and leaves the rest [manager 2.3, O-22]',
  skip,
  async (t) => {
    const { nova, daemon, db, folder, order, report, ends, info } = await setUp(t);
    const [done, open] = [await order(), await order()];
    await eventually('Nova has both orders', async () => nova.requests.length === 2, 20_000);

    process.kill(await daemon.worker('nfs1'), 'SIGKILL');
    await report(done.id);
    await Promise.all([ends(done.id, 'available'), ends(open.id, 'error')]);

    assert.deepEqual(info(done.volume), { active: done.file, [done.id]: done.file });
    const left = readdirSync(folder).filter((name) => name.includes(open.volume));
    assert.deepEqual(left.sort(), [`volume-${open.volume}`, open.file]);
    assert.equal(nova.requests.length, 2);
    const [message] = await db.messages.ofResource(open.id);
    assert.deepEqual([message?.action_id, message?.detail_id], ['009', '013']);
    const both = daemon
      .logged(/ERROR/)
      .filter((line) => line.includes(open.file) && line.includes('was cut off: the guest'));
    assert.equal(both.length, 1);
    const isTold = async (): Promise<boolean> => {
      const { cleanup } = await daemon.backend('nfs1');
      return [done, open].every(({ id }) => cleanup.some((note) => note.id === id && note.action === 'finished'));
    };
    await eventually('the status tells of both', isTold, 20_000);
  },
);

function orderedOf(content: unknown): string {
  return (content as { snapshot: { create_info: { snapshot_id: string } } }).snapshot.create_info.snapshot_id;
}
