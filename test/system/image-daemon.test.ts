import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { volumeTarget } from '../../src/messaging/addressing.ts';
import { readBrokerFile } from '../../src/messaging/broker-file.ts';
import { transportSettings } from '../../src/messaging/connection-plan.ts';
import { openTransport } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { contextFor } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { aRunningDaemon, fileBackend } from '../support/daemon.ts';
import { openTestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { GlanceStandIn } from '../support/glance-stand-in.ts';
import { aVolume } from '../support/manager.ts';
import { aClient, rabbitPresets, rpcPresets } from '../support/messaging.ts';

const signal = AbortSignal.timeout(120_000);

test('the daemon reads its Glance from the file, and what it cannot take ends in error with a reason [manager 4.4, config 12.1]', async (t) => {
  const glance = await GlanceStandIn.start(t);
  const daemon = await aRunningDaemon(t, {
    backends: { file1: fileBackend },
    defaults: { host: 'node1', glance_api_servers: glance.url, glance_num_retries: 0 },
  });
  const embedded = await readBrokerFile(daemon.folder);
  assert.ok(embedded);
  const url = parseTransportUrl('embedded://');
  const sources = { url, rabbit: rabbitPresets, rpc: rpcPresets, embedded, program: 'test', logs: () => silent };
  const transport = await openTransport(transportSettings(sources), signal);
  t.after(() => transport.close(0));
  const client = aClient(transport);
  const db = await openTestDatabase(t, { path: join(daemon.folder, 'cinder.sqlite') });
  const create = async (imageId: string): Promise<string> => {
    const volume = aVolume({ host: 'node1@file1#file' });
    await db.volumes.create(volume);
    const object = (name: string, version: string, data: object) => ({
      'versioned_object.name': name,
      'versioned_object.namespace': 'cinder',
      'versioned_object.version': version,
      'versioned_object.data': data,
    });
    const args = {
      volume: object('Volume', '1.9', { id: volume.id }),
      request_spec: object('RequestSpec', '1.5', { image_id: imageId, volume_id: volume.id }),
      filter_properties: {},
      allow_reschedule: false,
    };
    const context = contextFor({ user_id: 'u1', project_id: 'p1' });
    await client.cast(volumeTarget(serviceHost('node1', 'file1')), {
      method: 'create_volume',
      version: '3.0',
      args,
      context,
    });
    return volume.id;
  };
  const ended = (id: string, status: string) =>
    eventually(`${id} is ${status}`, async () => (await db.volumes.get(id))?.status === status, 20_000);
  const data = randomBytes(100_000);

  const good = await create(glance.add({ name: 'n' }, data));
  const bad = await create(glance.add({}, Buffer.from('QFI\xfb', 'latin1')));
  await Promise.all([ended(good, 'available'), ended(bad, 'error')]).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${daemon.logText().slice(-6000)}`);
  });

  const handle = await open(join(daemon.folder, 'file1', `volume-${good}`), 'r');
  const { buffer } = await handle.read(Buffer.alloc(data.length), 0, data.length, 0);
  await handle.close();
  assert.ok(buffer.equals(data));
  assert.equal((await db.volumes.glanceMetadata({ volume_id: good }))['image_name'], 'n');
  assert.equal(daemon.logged(/ImageUnacceptable|failed safety check/).length > 0, true);
});
