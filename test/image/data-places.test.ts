import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { placeOf } from '../../src/image/data-places.ts';
import { volumeCopier } from '../../src/image/volume-copier.ts';
import type { Executor } from '../../src/interface/executor.ts';

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

test('each type of connection says where its data are; another one is refused by its name [manager 9.5]', async () => {
  assert.deepEqual(await placeOf({ driver_volume_type: 'local', data: { device_path: '/v/1' } }, connector), {
    path: '/v/1',
    format: 'raw',
  });
  const rbd = { name: 'volumes/volume-1', auth_username: 'cinder', cluster_name: 'ceph' };
  assert.deepEqual(await placeOf({ driver_volume_type: 'rbd', data: rbd }, connector), {
    client: { driver: 'rbd', pool: 'volumes', image: 'volume-1', conf: '/etc/ceph/ceph.conf', user: 'cinder' },
    format: 'raw',
  });
  await assert.rejects(placeOf({ driver_volume_type: 'fibre_channel', data: {} }, connector), {
    name: 'VolumeMigrationFailed',
    message: /fibre_channel/,
  });
  await assert.rejects(placeOf({ driver_volume_type: 'nfs', data: { export: 'h:/none', name: 'v' } }, connector), {
    name: 'VolumeMigrationFailed',
    message: /h:\/none is not mounted/,
  });
});

test('a share that is mounted is used where it is [manager 9.5]', async () => {
  const [share = '', mountPoint = ''] = readFileSync('/proc/self/mounts', 'utf8').split('\n')[0]?.split(' ') ?? [];
  const data = { export: share, name: 'volume-1', format: 'qcow2' };

  assert.deepEqual(await placeOf({ driver_volume_type: 'nfs', data }, connector), {
    path: `${mountPoint}/volume-1`,
    format: 'qcow2',
  });
});

test('a secret goes to qemu by a file that only we can read, and is gone afterwards [manager 9.5, G-090]', async () => {
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

  await volumeCopier(exec).copy({ path: '/v/a,b', format: 'qcow2' }, await placeOf(iscsi, connector), options);

  assert.equal(secret, 'a secret');
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
