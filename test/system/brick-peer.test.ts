import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { accepted } from '../support/cinder.ts';
import { anApiVolume, apiDelete, aType } from '../support/deployment.ts';
import { textsAt } from '../support/nfs-share.ts';
import { aPythonPeer } from '../support/python-peer.ts';
import { aShareBackend, shareFolder } from '../support/share-backend.ts';
import { aroundTheDaemon } from '../support/whole-cinder.ts';

const options = {
  broker: '3',
  database: 'mariadb',
  ground: (folder: string, undo: (step: () => unknown) => void) => ({
    backends: { one: {}, two: aShareBackend(folder, undo) },
  }),
} as const;

const GiB = 2 ** 30;
const last = GiB - 6;

/**
 * What is connected here is what a machine without help of its kernel can connect to. os-brick's iSCSI wants the kernel's
 * initiator (`iscsi_tcp`): the same connections are read and written by another initiator in tgt.test.ts.
 */
aroundTheDaemon('os-brick with RabbitMQ 3.x and MariaDB', options, (whole) => {
  for (const [backend, kind, sizes] of [
    ['one', 'local', [1, 2]],
    // A file on a share is not grown under a host.
    ['two', 'nfs', [1]],
  ] as const) {
    test(`${kind}: the real os-brick connects, reads and writes what an attachment answers [manager 7.1, manager 7.2, manager 7.3, storage 2.3]`, async (t) => {
      const { cinder, folder, files } = whole();
      const brick = await aPythonPeer(t, 'brick-peer.py', folder);
      const volume = await anApiVolume(cinder, { volume_type: (await aType(cinder, backend)).id });
      const file = join(backend === 'two' ? shareFolder(folder) : files(backend), `volume-${volume.id}`);

      const connector = await brick({ do: 'properties' });
      const asked = { attachment: { volume_uuid: volume.id, connector, mode: 'rw' } };
      const attachment = accepted(await cinder.post('/attachments', asked)).attachment;
      const { driver_volume_type, mount_point_base, ...data } = attachment.connection_info;
      // As Nova puts together again what the API has flattened.
      const connection_info = { driver_volume_type, mount_point_base, data };
      const device = await brick({ do: 'connect', connection_info });
      accepted(await cinder.post(`/attachments/${attachment.id}/action`, { 'os-complete': {} }));
      await cinder.becomes('volumes', volume.id, 'in-use');
      const blank = await brick({ do: 'read', device, at: last, length: 6 });
      await brick({ do: 'write', device, at: last, text: 'at end' });
      const again = await brick({ do: 'connect', connection_info });
      const kept = await brick({ do: 'read', device: again, at: last, length: 6 });
      const seen: unknown[] = [];
      for (const size of sizes) {
        if (size > 1) await cinder.act('volumes', volume.id, { 'os-extend': { new_size: size } });
        await cinder.becomes('volumes', volume.id, 'in-use');
        seen.push(await brick({ do: 'size', device }));
      }
      await brick({ do: 'disconnect', connection_info, device });
      accepted(await cinder.delete(`/attachments/${attachment.id}`));
      await cinder.becomes('volumes', volume.id, 'available');

      assert.equal(driver_volume_type, kind);
      assert.deepEqual(device, again);
      assert.equal((device as { path: string }).path, file);
      assert.deepEqual([blank, kept], ['\0'.repeat(6), 'at end']);
      assert.deepEqual(
        seen,
        sizes.map((size) => size * GiB),
      );
      assert.equal(data.access_mode, 'rw');
      assert.equal(textsAt(file, [last]), 'at end');
      await apiDelete(cinder, 'volumes', volume.id);
    });
  }
});
