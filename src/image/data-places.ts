import { readFile } from 'node:fs/promises';
import type { DataPlace } from '../interface/data-copier.ts';
import type { ConnectionInfo, Connector, LocalFormat } from '../interface/volume-driver.ts';
import { VolumeMigrationFailed } from '../objects/exceptions.ts';

type Data = ConnectionInfo['data'];

/** How the data behind a connection are reached, by its type (manager.md §9.5 [N], storage.md §2.3). */
const ways: Readonly<Record<string, (data: Data, connector: Connector) => Promise<DataPlace> | DataPlace>> = {
  local: (data) => ({ path: textIn(data, 'device_path'), format: 'raw' }),
  nfs: async (data) => ({
    path: `${await mountPointOf(textIn(data, 'export'))}/${textIn(data, 'name')}`,
    format: formatIn(data),
  }),
  rbd: (data) => ({ client: rbdClient(data), format: 'raw' }),
  iscsi: (data, { initiator }) => {
    const client = {
      driver: 'iscsi',
      transport: 'tcp',
      portal: textIn(data, 'target_portal'),
      target: textIn(data, 'target_iqn'),
      lun: String(data['target_lun'] ?? 0),
      ...(typeof initiator === 'string' ? { 'initiator-name': initiator } : {}),
    };
    const { auth_username: user, auth_password: secret } = data;
    if (typeof user !== 'string' || typeof secret !== 'string') return { client, format: 'raw' };
    return { client: { ...client, user }, secret, format: 'raw' };
  },
};

export async function placeOf(info: ConnectionInfo, connector: Connector): Promise<DataPlace> {
  const way = ways[info.driver_volume_type];
  if (way === undefined) {
    throw new VolumeMigrationFailed({
      reason: `data are not copied over connections of type ${info.driver_volume_type}`,
    });
  }
  return way(info.data, connector);
}

function rbdClient(data: Data): Record<string, string> {
  const [pool = '', image = ''] = textIn(data, 'name').split('/');
  const { auth_username: user, cluster_name } = data;
  const conf = `/etc/ceph/${typeof cluster_name === 'string' ? cluster_name : 'ceph'}.conf`;
  return { driver: 'rbd', pool, image, conf, ...(typeof user === 'string' ? { user } : {}) };
}

/** Where a share is mounted on this machine already. */
async function mountPointOf(share: string): Promise<string> {
  const lines = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  const found = lines.find(([device = '']) => unescaped(device) === share)?.[1];
  if (found === undefined)
    throw new VolumeMigrationFailed({ reason: `the share ${share} is not mounted on this machine` });
  return unescaped(found);
}

/** The kernel writes blanks and the like as octal numbers. */
function unescaped(word: string): string {
  return word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function formatIn(data: Data): LocalFormat {
  return data['format'] === 'qcow2' ? 'qcow2' : 'raw';
}

function textIn(data: Data, key: string): string {
  const value = data[key];
  if (typeof value !== 'string' || value === '') {
    throw new VolumeMigrationFailed({ reason: `the connection does not say its ${key}` });
  }
  return value;
}
