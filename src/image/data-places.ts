import type { DataPlace } from '../interface/data-copier.ts';
import type { Executor } from '../interface/executor.ts';
import type { ConnectionInfo, Connector, LocalFormat } from '../interface/volume-driver.ts';
import { VolumeMigrationFailed } from '../objects/exceptions.ts';
import { mountPointOf } from './share-mount.ts';

type Data = ConnectionInfo['data'];

interface Given {
  readonly info: ConnectionInfo;
  readonly connector: Connector;
  readonly exec: Pick<Executor, 'run'>;
  readonly signal: AbortSignal;
}

/** How the data behind a connection are reached, by its type (manager.md §9.5 [N], storage.md §2.3). */
const ways: Readonly<Record<string, (data: Data, given: Given) => Promise<DataPlace> | DataPlace>> = {
  local: (data) => ({ path: textIn(data, 'device_path'), format: 'raw' }),
  nfs: async (data, { info, exec, signal }) => {
    const flags = typeof data['options'] === 'string' ? data['options'].split(/\s+/).filter((word) => word !== '') : [];
    const share = { name: textIn(data, 'export'), flags, base: info.mount_point_base };
    return { path: `${await mountPointOf(share, exec, signal)}/${textIn(data, 'name')}`, format: formatIn(data) };
  },
  rbd: (data) => ({ client: rbdClient(data), format: 'raw' }),
  iscsi: (data, { connector: { initiator } }) => {
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

/** Where the data behind a connection are; throws VolumeMigrationFailed for a type that our copies do not know. */
export async function placeOf(given: Given): Promise<DataPlace> {
  const { info } = given;
  const way = ways[info.driver_volume_type];
  if (way === undefined) {
    throw new VolumeMigrationFailed({
      reason: `data are not copied over connections of type ${info.driver_volume_type}`,
    });
  }
  return way(info.data, given);
}

function rbdClient(data: Data): Record<string, string> {
  const [pool = '', image = ''] = textIn(data, 'name').split('/');
  const { auth_username: user, cluster_name } = data;
  const conf = `/etc/ceph/${typeof cluster_name === 'string' ? cluster_name : 'ceph'}.conf`;
  return { driver: 'rbd', pool, image, conf, ...(typeof user === 'string' ? { user } : {}) };
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
