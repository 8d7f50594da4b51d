import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RpcTarget } from '../../src/interface/rpc.ts';
import { destinationOf } from '../../src/messaging/addressing.ts';
import type { OwnRequest } from '../../src/messaging/client.ts';
import type { Published } from '../../src/messaging/publisher.ts';
import { volumeClient } from '../../src/messaging/volume-client.ts';
import { adminContext } from '../../src/objects/context.ts';
import { openTestDatabase } from '../support/database.ts';
import { aVolume } from '../support/resources.ts';

const never = new AbortController().signal;

test('each request goes to the service that has the volume, with the arguments that upstream’s client has [rpc 5.3, rpc 1.2]', async (t) => {
  const db = await openTestDatabase(t);
  const sent: { to: string; request: OwnRequest }[] = [];
  const note = (target: RpcTarget, request: OwnRequest): void => {
    sent.push({ to: destinationOf(target, 'openstack').key, request });
  };
  const peers = volumeClient(
    {
      cast: async (target, request): Promise<Published> => {
        note(target, request);
        return { outcome: 'accepted' };
      },
      call: async (target, request) => {
        note(target, request);
        return { driver_volume_type: 'nfs', data: {}, mount_point_base: '/mnt', more: true };
      },
    },
    db,
  );
  const context = adminContext();
  const [here, there] = [aVolume({ host: 'a@lvm#p' }), aVolume({ host: 'b@nfs#p', status: 'deleting' })];

  await peers.createVolume(context, here);
  await peers.deleteVolume(context, there);
  const connection = await peers.initializeConnection(context, here, { host: 'x' }, never);
  await peers.terminateConnection(context, here, { host: 'x' }, never);
  await peers.removeExport(context, here);
  await peers.capabilities(context, 'a@lvm', never);
  await peers.updateMigratedVolume(context, here, there, 'available', never);
  await peers.attachVolume(context, here, { attached_host: 'x' }, never);

  const [a, b] = ['cinder-volume.a@lvm.a', 'cinder-volume.b@nfs.b'];
  assert.deepEqual(
    sent.map(({ to, request }) => [to, request.method, request.version, Object.keys(request.args).sort().join()]),
    [
      [a, 'create_volume', '3.0', 'allow_reschedule,filter_properties,request_spec,volume'],
      [b, 'delete_volume', '3.0', 'cascade,unmanage_only,volume'],
      [a, 'initialize_connection', '3.0', 'connector,volume'],
      [a, 'terminate_connection', '3.0', 'connector,force,volume_id'],
      [a, 'remove_export', '3.0', 'volume_id'],
      [a, 'get_capabilities', '3.0', 'discover'],
      [b, 'update_migrated_volume', '3.0', 'new_volume,volume,volume_status'],
      [a, 'attach_volume', '3.3', 'host_name,instance_uuid,mode,mountpoint,volume,volume_id'],
    ],
  );
  assert.deepEqual(connection, { driver_volume_type: 'nfs', data: {}, mount_point_base: '/mnt' });
  const row = await db.workers.find({ type: 'Volume', id: there.id });
  assert.deepEqual([row?.status, row?.service_id], ['deleting', null]);
});
