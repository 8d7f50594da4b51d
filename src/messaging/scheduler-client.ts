import { utcNow } from '../base/time.ts';
import type { Scheduler } from '../interface/scheduler.ts';
import { volumeCodec } from '../objects/volume.ts';
import { schedulerTopic } from './addressing.ts';
import { mustHaveLeft, patience } from './cast-terms.ts';
import type { RpcClient } from './client.ts';

/** The scheduler as the volume service knows it (rpc.md §5.1). `cluster`: the name under which a clustered service reports. */
export function schedulerClient(client: Pick<RpcClient, 'cast'>, cluster?: string): Scheduler {
  return {
    async reportCapabilities(context, host, capabilities) {
      const report = { service_name: 'volume', capabilities };
      // Each message bears the time at which it was built: the scheduler drops what is not newer than what it has.
      const toAll = client.cast(
        { topic: schedulerTopic, fanout: true },
        {
          method: 'update_service_capabilities',
          version: '3.3',
          args: { ...report, host, cluster_name: cluster ?? null, timestamp: utcNow() },
          context,
        },
        { again: false },
      );
      const toOne = client.cast(
        { topic: schedulerTopic },
        {
          method: 'notify_service_capabilities',
          version: '3.5',
          args: { ...report, backend: cluster ?? host, timestamp: utcNow() },
          context,
        },
        { again: false },
      );
      for (const published of await Promise.all([toAll, toOne])) mustHaveLeft(published, 'a capability report');
    },

    async createVolume(context, { volume, request_spec, filter_properties }, signal) {
      signal.throwIfAborted();
      const args = {
        snapshot_id: null,
        image_id: null,
        request_spec,
        filter_properties,
        volume: volumeCodec.encode(volume),
        backup_id: null,
      };
      const request = { method: 'create_volume', version: '3.0', args, context };
      mustHaveLeft(
        await client.cast({ topic: schedulerTopic }, request, { within: patience }),
        'a request to the scheduler',
      );
    },
  };
}
