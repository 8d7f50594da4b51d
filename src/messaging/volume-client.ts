import type { Database } from '../interface/database.ts';
import type { VolumePeers } from '../interface/volume-peers.ts';
import { serviceOf } from '../objects/host.ts';
import { isRecord } from '../objects/versioned-object.ts';
import { type Volume, volumeCodec } from '../objects/volume.ts';
import { volumeTarget } from './addressing.ts';
import { mustHaveLeft, patience } from './cast-terms.ts';
import type { OwnRequest, RpcClient } from './client.ts';

type Request = Omit<OwnRequest, 'version'> & { readonly version?: string };

/** Other volume services, and our own queue (rpc.md §5.3). A delete is handed over in `workers`, as every client does. */
export function volumeClient(client: Pick<RpcClient, 'cast' | 'call'>, db: Pick<Database, 'workers'>): VolumePeers {
  const cast = async (volume: Volume, request: Request): Promise<void> => {
    const sent = await client.cast(targetOf(volume), { version: '3.0', ...request }, { within: patience });
    mustHaveLeft(sent, 'a request to a volume service');
  };
  const call = (volume: Pick<Volume, 'host' | 'cluster_name'>, request: Request, signal: AbortSignal) =>
    client.call(targetOf(volume), { version: '3.0', ...request }, {}, signal);
  return {
    async createVolume(context, volume) {
      const specs = { request_spec: null, filter_properties: null, allow_reschedule: false };
      const args = { ...specs, volume: volumeCodec.encode(volume) };
      await cast(volume, { method: 'create_volume', args, context });
    },

    async deleteVolume(context, volume) {
      if (volume.status === 'deleting') await db.workers.handOver({ type: 'Volume', id: volume.id }, volume.status);
      const args = { volume: volumeCodec.encode(volume), unmanage_only: false, cascade: false };
      await cast(volume, { method: 'delete_volume', args, context });
    },

    async initializeConnection(context, volume, connector, signal) {
      const args = { connector, volume: volumeCodec.encode(volume) };
      const info = await call(volume, { method: 'initialize_connection', args, context }, signal);
      if (!isRecord(info) || typeof info['driver_volume_type'] !== 'string' || !isRecord(info['data'])) {
        throw new Error(`the service of volume ${volume.id} says no way to connect to it`);
      }
      const { driver_volume_type, data, mount_point_base: base } = info;
      return { driver_volume_type, data, ...(typeof base === 'string' && { mount_point_base: base }) };
    },

    async terminateConnection(context, volume, connector, signal) {
      const args = { volume_id: volume.id, connector, force: true };
      await call(volume, { method: 'terminate_connection', args, context }, signal);
    },

    async removeExport(context, volume) {
      await cast(volume, { method: 'remove_export', args: { volume_id: volume.id }, context });
    },

    async capabilities(context, host, signal) {
      const request = { method: 'get_capabilities', args: { discover: false }, context };
      const answer = await call({ host, cluster_name: null }, request, signal);
      return isRecord(answer) ? answer : {};
    },

    async updateMigratedVolume(context, volume, newVolume, volume_status, signal) {
      const args = { volume: volumeCodec.encode(volume), new_volume: volumeCodec.encode(newVolume), volume_status };
      await call(newVolume, { method: 'update_migrated_volume', args, context }, signal);
    },

    async attachVolume(context, volume, attachment, signal) {
      const args = {
        volume_id: volume.id,
        instance_uuid: attachment.instance_uuid ?? null,
        host_name: attachment.attached_host ?? null,
        mountpoint: attachment.mountpoint ?? 'na',
        mode: attachment.attach_mode ?? 'rw',
        volume: volumeCodec.encode(volume),
      };
      await call(volume, { method: 'attach_volume', version: '3.3', args, context }, signal);
    },
  };
}

function targetOf({ host, cluster_name }: Pick<Volume, 'host' | 'cluster_name'>) {
  const where = cluster_name ?? host;
  if (!where) throw new Error('the volume is nowhere: no service can be asked about it');
  return volumeTarget(serviceOf(where));
}
