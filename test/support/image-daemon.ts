import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { silent } from '../../src/base/log.ts';
import type { Database } from '../../src/interface/database.ts';
import { volumeTarget } from '../../src/messaging/addressing.ts';
import { readBrokerFile } from '../../src/messaging/broker-file.ts';
import { transportSettings } from '../../src/messaging/connection-plan.ts';
import { openTransport } from '../../src/messaging/transport.ts';
import { parseTransportUrl } from '../../src/messaging/transport-url.ts';
import { contextFor } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { aRunningDaemon, type Daemon, fileBackend, type Section } from './daemon.ts';
import { openTestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { aVolume } from './manager.ts';
import { aClient, rabbitPresets, rpcPresets } from './messaging.ts';

/** A daemon that is asked for volumes from images. */
export interface ImageDaemon {
  readonly daemon: Daemon;
  readonly db: Database;
  /** Asks for a volume from an image, as the scheduler does; resolves to its id. */
  create(imageId: string): Promise<string>;
  /** Waits until a volume is in this status. */
  ends(id: string, status: string): Promise<void>;
}

/** A daemon with one backend, an embedded broker and these options of `[DEFAULT]`. */
export async function anImageDaemon(t: TestContext, defaults: Section): Promise<ImageDaemon> {
  const daemon = await aRunningDaemon(t, {
    backends: { file1: fileBackend },
    defaults: { host: 'node1', ...defaults },
  });
  const embedded = await readBrokerFile(daemon.folder);
  if (embedded === undefined) throw new Error(`${daemon.folder} has no broker.json`);
  const url = parseTransportUrl('embedded://');
  const sources = { url, rabbit: rabbitPresets, rpc: rpcPresets, embedded, program: 'test', logs: () => silent };
  const transport = await openTransport(transportSettings(sources), AbortSignal.timeout(120_000));
  t.after(() => transport.close(0));
  const client = aClient(transport);
  const db = await openTestDatabase(t, { path: join(daemon.folder, 'cinder.sqlite') });
  return {
    daemon,
    db,
    async create(imageId) {
      const volume = aVolume({ host: 'node1@file1#file' });
      await db.volumes.create(volume);
      const args = {
        volume: object('Volume', '1.9', { id: volume.id }),
        request_spec: object('RequestSpec', '1.5', { image_id: imageId, volume_id: volume.id }),
        filter_properties: {},
        allow_reschedule: false,
      };
      await client.cast(volumeTarget(serviceHost('node1', 'file1')), {
        method: 'create_volume',
        version: '3.0',
        args,
        context: contextFor({ user_id: 'u1', project_id: 'p1' }),
      });
      return volume.id;
    },
    async ends(id, status) {
      const isSo = async (): Promise<boolean> => (await db.volumes.get(id))?.status === status;
      await eventually(`${id} is ${status}`, isSo, 60_000).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${daemon.logText().slice(-6000)}`);
      });
    },
  };
}

function object(name: string, version: string, data: object) {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': version,
    'versioned_object.data': data,
  };
}
