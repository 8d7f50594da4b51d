import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { placeOf } from '../../src/image/data-places.ts';
import { volumeCopier } from '../../src/image/volume-copier.ts';
import { type Executor, ProcessExecutionError } from '../../src/interface/executor.ts';
import type { ConnectionInfo } from '../../src/interface/volume-driver.ts';
import { aFolder } from '../support/folder.ts';

const connector = { host: 'node1', initiator: 'iqn.2010-10.org.openstack:node1' };
const iscsi = {
  driver_volume_type: 'iscsi',
  data: {
    target_portal: '192.0.2.10:3260',
    target_iqn: 'iqn.2010-10.org.openstack:volume-1',
    target_lun: 1,
    auth_method: 'CHAP',
    auth_username: 'u',
    auth_password: 'a secret',
  },
};

const signal = new AbortController().signal;

/** Nobody may run anything, unless a test says so. */
const nothing: Pick<Executor, 'run'> = { run: () => Promise.reject(new Error('nothing may be run')) };

function place(info: ConnectionInfo, exec = nothing) {
  return placeOf({ info, connector, exec, signal });
}

test('each type of connection says where its data are; another one is refused by its name [manager 9.5]', async () => {
  assert.deepEqual(await place({ driver_volume_type: 'local', data: { device_path: '/v/1' } }), {
    path: '/v/1',
    format: 'raw',
  });
  const rbd = { name: 'volumes/volume-1', auth_username: 'cinder', cluster_name: 'ceph' };
  assert.deepEqual(await place({ driver_volume_type: 'rbd', data: rbd }), {
    client: { driver: 'rbd', pool: 'volumes', image: 'volume-1', conf: '/etc/ceph/ceph.conf', user: 'cinder' },
    format: 'raw',
  });
  await assert.rejects(place({ driver_volume_type: 'fibre_channel', data: {} }), {
    name: 'VolumeMigrationFailed',
    message: /fibre_channel/,
  });
  await assert.rejects(place({ driver_volume_type: 'nfs', data: { export: 'h:/none', name: 'v' } }), {
    name: 'VolumeMigrationFailed',
    message: /h:\/none is not mounted/,
  });
});

test('a share that is mounted is used where it is [manager 9.5]', async () => {
  const [share = '', mountPoint = ''] = readFileSync('/proc/self/mounts', 'utf8').split('\n')[0]?.split(' ') ?? [];
  const data = { export: share, name: 'volume-1', format: 'qcow2' };

  assert.deepEqual(await place({ driver_volume_type: 'nfs', data }), {
    path: `${mountPoint}/volume-1`,
    format: 'qcow2',
  });
});

test('a share that is not mounted is mounted where its service has it, once, as NFS 4.1 first [manager 9.5, storage 2.3]', async (t) => {
  const base = aFolder(t);
  const info = {
    driver_volume_type: 'nfs',
    data: { export: '192.0.2.1:/none', name: 'volume-1', format: 'raw', options: '-o hard' },
    mount_point_base: base,
  };
  const ran: string[] = [];
  const failing = (times: number): Pick<Executor, 'run'> => ({
    async run(file, args) {
      ran.push([file, ...args].join(' '));
      if (ran.length <= times)
        throw new ProcessExecutionError({ command: file, exitCode: 32, stderr: 'no such server\n' });
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  });
  const point = join(base, createHash('md5').update('192.0.2.1:/none').digest('hex'));

  assert.deepEqual(await place(info, failing(1)), { path: `${point}/volume-1`, format: 'raw' });
  assert.ok(existsSync(point));
  assert.deepEqual(ran.splice(0), [
    `mount -t nfs -o vers=4,minorversion=1 -o hard 192.0.2.1:/none ${point}`,
    `mount -t nfs -o hard 192.0.2.1:/none ${point}`,
  ]);
  await assert.rejects(place(info, failing(2)), {
    name: 'VolumeMigrationFailed',
    message: /mounted at .*: no such server$/,
  });
});

test('a secret goes to qemu by a file of the state’s folder that only we can read, and is gone afterwards [manager 9.5, G-090, O-32]', async (t) => {
  const folder = aFolder(t);
  let words: readonly string[] = [];
  let secret = '';
  const exec = {
    find: async () => '/usr/bin/qemu-img',
    async run(_file: string, args: readonly string[]) {
      words = args;
      secret = readFileSync(fileOf(args), 'utf8');
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  } as unknown as Executor;
  const options = { signal: new AbortController().signal, progress: () => {} };

  await volumeCopier(exec, folder).copy({ path: '/v/a,b', format: 'qcow2' }, await place(iscsi), options);

  assert.equal(secret, 'a secret');
  assert.ok(fileOf(words).startsWith(`${folder}/`));
  assert.deepEqual(readdirSync(folder), []);
  assert.doesNotMatch(words.join(' '), /a secret/);
  assert.throws(() => readFileSync(fileOf(words)));
  assert.deepEqual(words.slice(-2), [
    'driver=qcow2,file.driver=file,file.filename=/v/a,,b',
    'driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=192.0.2.10:3260,' +
      'file.target=iqn.2010-10.org.openstack:volume-1,file.lun=1,' +
      'file.initiator-name=iqn.2010-10.org.openstack:node1,file.user=u,file.password-secret=target',
  ]);
});

function fileOf(args: readonly string[]): string {
  return args.find((word) => word.startsWith('secret,'))?.split('file=')[1] ?? '';
}
