import type { NovaApi } from '../interface/nova-api.ts';
import { type NovaClient, refusalOf } from './nova-client.ts';

const resource = 'os-assisted-volume-snapshots';
/** The calls are as old as Nova's API, and every Nova has this one. */
const microversion = '2.1';

/** Snapshots of attached volumes, which Nova takes and merges for drivers whose volumes are files (manager.md §16). */
export function novaSnapshots(client: NovaClient): NovaApi {
  return {
    async createVolumeSnapshot(volumeId, info, signal) {
      const body = { snapshot: { volume_id: volumeId, create_info: info } };
      const answer = await client.request({ method: 'POST', path: resource, microversion, body }, signal);
      if (answer.status !== 200) throw refusalOf(answer);
    },
    async deleteVolumeSnapshot(snapshotId, info, signal) {
      const path = `${resource}/${encodeURIComponent(snapshotId)}?delete_info=${encodeURIComponent(JSON.stringify(info))}`;
      const answer = await client.request({ method: 'DELETE', path, microversion }, signal);
      if (answer.status !== 204) throw refusalOf(answer);
    },
  };
}
