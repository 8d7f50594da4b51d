import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { silent } from '../../src/base/log.ts';
import { createArgs, snapshotArgs, volumeArgs } from '../../src/cli/requests.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { Database } from '../../src/interface/database.ts';
import { poolHost, type ServiceHost, serviceHost, serviceOf } from '../../src/objects/host.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { openClient } from '../support/client.ts';
import type { Daemon } from '../support/daemon.ts';
import { databaseOptions } from '../support/database.ts';

const owner = { user_id: 'chaos', project_id: 'chaos' };

/** Seconds that a caller waits for its answer. */
const patience = 5;

/**
 * Requests as cinder-api makes them: the row, then the message, and no look back. A caller that hears nothing has done what
 * it could; the rows say what becomes of it.
 */
export class Requests {
  readonly #daemon: Daemon;
  readonly #db: Database;
  #client: Awaited<ReturnType<typeof openClient>> | undefined;

  static async open(daemon: Daemon): Promise<Requests> {
    const url = `sqlite:///${join(daemon.folder, 'cinder.sqlite')}`;
    return new Requests(daemon, await openDatabase(url, databaseOptions(), { logger: silent }));
  }

  private constructor(daemon: Daemon, db: Database) {
    this.#daemon = daemon;
    this.#db = db;
  }

  /** Connects anew: a new supervisor has a broker at another address. */
  async connect(): Promise<void> {
    await this.#client?.close();
    this.#client = await openClient(this.#daemon);
  }

  async close(): Promise<void> {
    await this.#client?.close();
    await this.#db[Symbol.asyncDispose]();
  }

  async create(
    backend: string,
    name: string,
    { source, snapshot }: { readonly source?: string; readonly snapshot?: string },
  ): Promise<string> {
    const id = randomUUID();
    const host = serviceHost(hostname(), backend);
    const size = await this.#sizeFrom(source, snapshot);
    const made = await this.#db.transaction(async (tx) => {
      const from = { source_volid: source ?? null, snapshot_id: snapshot ?? null };
      const place = { host: poolHost(host, backend), attach_status: 'detached', display_name: name } as const;
      await tx.volumes.create({ id, size, status: 'creating', ...place, ...from, ...owner });
      await tx.workers.handOver({ type: 'Volume', id }, 'creating');
      return tx.volumes.get(id);
    });
    if (made === undefined) throw new Error(`the row of ${id} is gone`);
    await this.#send(host, 'create_volume', createArgs(made));
    return id;
  }

  async deleteVolume(id: string): Promise<void> {
    const volume = await this.#change(id, 'deleting', true);
    if (volume !== undefined)
      await this.#send(hostOf(volume), 'delete_volume', volumeArgs(volume, { unmanage_only: false, cascade: false }));
  }

  async extend(id: string, size: number): Promise<void> {
    const volume = await this.#change(id, 'extending', false);
    if (volume !== undefined)
      await this.#send(hostOf(volume), 'extend_volume', volumeArgs(volume, { new_size: size, reservations: [] }));
  }

  async snapshot(volumeId: string, name: string): Promise<string> {
    const id = randomUUID();
    const { volume, snapshot } = await this.#db.transaction(async (tx) => {
      const of = await tx.volumes.get(volumeId);
      await tx.snapshots.create({
        id,
        volume_id: volumeId,
        volume_size: of?.size ?? 1,
        status: 'creating',
        progress: '0%',
        display_name: name,
        ...owner,
      });
      await tx.workers.handOver({ type: 'Snapshot', id }, 'creating');
      return { volume: of, snapshot: await tx.snapshots.get(id) };
    });
    if (volume === undefined || snapshot === undefined) throw new Error(`the row of ${id} is gone`);
    await this.#send(hostOf(volume), 'create_snapshot', snapshotArgs(snapshot, volume));
    return id;
  }

  async deleteSnapshot(id: string): Promise<void> {
    const { volume, snapshot } = await this.#db.transaction(async (tx) => {
      await tx.snapshots.update(id, { status: 'deleting' });
      await tx.workers.handOver({ type: 'Snapshot', id }, 'deleting');
      const row = await tx.snapshots.get(id);
      return { snapshot: row, volume: await tx.volumes.get(row?.volume_id ?? '') };
    });
    if (volume === undefined || snapshot === undefined) throw new Error(`the row of ${id} is gone`);
    await this.#send(hostOf(volume), 'delete_snapshot', snapshotArgs(snapshot, volume, { unmanage_only: false }));
  }

  async #change(id: string, status: string, handedOver: boolean): Promise<Volume | undefined> {
    return this.#db.transaction(async (tx) => {
      const before = await tx.volumes.get(id);
      await tx.volumes.update(id, { status, previous_status: before?.status ?? null });
      if (handedOver) await tx.workers.handOver({ type: 'Volume', id }, status);
      return tx.volumes.get(id);
    });
  }

  async #sizeFrom(source: string | undefined, snapshot: string | undefined): Promise<number> {
    if (source !== undefined) return (await this.#db.volumes.get(source))?.size ?? 1;
    if (snapshot !== undefined) return (await this.#db.snapshots.get(snapshot))?.volume_size ?? 1;
    return 1;
  }

  async #send(host: ServiceHost, method: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.#client?.call(host, method, args, patience);
    } catch {
      // Nobody answers while everything is being killed, or it failed: the row tells.
    }
  }
}

function hostOf(volume: Volume): ServiceHost {
  if (volume.host === null) throw new Error(`${volume.id} has no host`);
  return serviceOf(volume.host);
}
