import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.ts';
import type { DriverRecords } from '../interface/driver-records.ts';
import type { NovaApi, SnapshotDeletion } from '../interface/nova-api.ts';
import { RemoteFSConcurrentRequest, RemoteFSException } from '../objects/exceptions.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import type { VolumeChain } from './volume-chain.ts';

export interface AssistedParts {
  readonly records: DriverRecords;
  readonly openNova: (signal: AbortSignal) => Promise<NovaApi>;
  readonly logger: Logger;
  /** Milliseconds between two looks at the row, after so many seconds of waiting; upstream's by default. */
  readonly pause?: (seconds: number) => number;
}

const creationTime = 600;
const deletionTime = 7200;

/**
 * Snapshots of a volume that a guest has open: we make and remove files, and Nova moves the guest from one to another. What the
 * guest may already write to is never removed: a run that was cut off is finished, or left for the operator (manager.md §2.3).
 */
export class AssistedSnapshots {
  readonly #parts: Required<AssistedParts>;

  constructor(parts: AssistedParts) {
    this.#parts = { pause: upstreamsPause, ...parts };
  }

  async create(
    chain: VolumeChain,
    name: string,
    snapshot: Snapshot,
    volume: Volume,
    signal: AbortSignal,
  ): Promise<void> {
    const info = await chain.info(signal);
    if (info?.[snapshot.id] !== undefined) return;
    const file = `${name}.${snapshot.id}`;
    if ((await chain.all(signal)).includes(file)) return this.finish(chain, name, snapshot, volume, signal);
    // Before there is a file, which would have to stay.
    const nova = await this.#parts.openNova(signal);
    await chain.putOnTop(file, info?.active ?? name, volume.size, signal);
    await nova.createVolumeSnapshot(volume.id, { type: 'qcow2', new_file: file, snapshot_id: snapshot.id }, signal);
    await this.#waitForCreation(snapshot.id, signal);
    await this.#finishCreation(chain, file, snapshot, volume, signal);
  }

  /** What is left of a creation that was cut off, if Nova has done its part; else throws, and logs both files. */
  async finish(
    chain: VolumeChain,
    name: string,
    snapshot: Snapshot,
    volume: Volume,
    signal: AbortSignal,
  ): Promise<void> {
    const { records, logger } = this.#parts;
    const info = await chain.info(signal);
    if (info?.[snapshot.id] !== undefined) return records.setConnectedFile(volume.id, info.active);
    const file = `${name}.${snapshot.id}`;
    const exists = (await chain.all(signal)).includes(file);
    if (exists && (await records.snapshotState(snapshot.id))?.progress === '90%') {
      return this.#finishCreation(chain, file, snapshot, volume, signal);
    }
    logger.error(
      'An online snapshot was cut off: the guest may write to %s or to %s. Nothing is removed.',
      chain.pathOf(file),
      chain.pathOf(info?.active ?? name),
    );
    throw new RemoteFSException(`Snapshot ${snapshot.id} was cut off while a guest had the volume open.`);
  }

  /** The guest is on the new file: from here on nothing is cut off for the sake of a signal. */
  async #finishCreation(
    chain: VolumeChain,
    file: string,
    snapshot: Snapshot,
    volume: Volume,
    signal: AbortSignal,
  ): Promise<void> {
    await chain.record(snapshot.id, file, signal.aborted ? AbortSignal.timeout(30_000) : signal);
    await this.#parts.records.setConnectedFile(volume.id, file);
  }

  async remove(chain: VolumeChain, snapshot: Snapshot, volume: Volume, signal: AbortSignal): Promise<void> {
    const info = await chain.info(signal);
    const file = info?.[snapshot.id];
    if (info === undefined || file === undefined) return;
    const links = await chain.links(info.active, signal);
    const { [snapshot.id]: _gone, ...others } = info;
    const rest = { ...others, active: info.active };
    const below = links.find((link) => link.file === file)?.below?.file;
    // The guest no longer uses what a run merged that was cut off before it wrote so.
    const unused = Object.keys(others).find((id) => !links.some((link) => link.file === others[id]));
    if (file === info.active && unused !== undefined) {
      await this.#pulled(chain, { ...rest, [unused]: file }, others[unused], volume, signal);
    } else if (below === undefined) {
      this.#parts.logger.warning(
        '%s is merged already: its snapshot %s is forgotten.',
        chain.pathOf(file),
        snapshot.id,
      );
      await chain.rewrite(rest, signal);
    } else if (file === info.active) {
      const older = Object.keys(others).find((id) => id !== 'active' && others[id] === below);
      const next = older === undefined ? undefined : links.find((link) => link.file === below)?.below?.file;
      const order = { ...asQcow2(volume), file_to_merge: next ?? null, merge_target_file: null };
      await this.#order(chain, snapshot, order, info.active, below, signal);
      await this.#pulled(chain, older === undefined ? rest : { ...rest, [older]: file }, below, volume, signal);
    } else {
      const order = { ...asQcow2(volume), file_to_merge: file, merge_target_file: below };
      await this.#order(chain, snapshot, order, info.active, file, signal);
      await chain.rewrite(rest, signal);
      await chain.discard(file);
    }
  }

  /** The active file has taken in the one below, `merged`; the snapshot that this one held is held by the active file now. */
  async #pulled(
    chain: VolumeChain,
    info: Parameters<VolumeChain['rewrite']>[0],
    merged: string | undefined,
    volume: Volume,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#parts.records.setVolumeFormat(volume.id, 'qcow2');
    await chain.rewrite(info, signal);
    if (merged !== undefined) await chain.discard(merged);
  }

  /**
   * Has Nova merge, and waits until the guest no longer uses the file `gone`. The row alone does not tell: it may say `90%`
   * since the snapshot was made.
   */
  async #order(
    chain: VolumeChain,
    snapshot: Snapshot,
    order: SnapshotDeletion,
    active: string,
    gone: string,
    signal: AbortSignal,
  ): Promise<void> {
    const nova = await this.#parts.openNova(signal);
    await nova.deleteVolumeSnapshot(snapshot.id, order, signal);
    const isMerged = async (): Promise<boolean> =>
      !(await chain.links(active, signal)).some((link) => link.file === gone);
    await this.#wait(snapshot.id, 'deleting', deletionTime, signal, isMerged, (status) => {
      throw new RemoteFSException(`Unable to delete snapshot ${snapshot.id}, status: ${status}.`);
    });
  }

  #waitForCreation(id: string, signal: AbortSignal): Promise<void> {
    return this.#wait(id, 'creating', creationTime, signal, undefined, (status) => {
      if (status === 'error') throw new RemoteFSException('Nova returned "error" status while creating snapshot.');
      if (status === undefined || status === 'deleting' || status === 'error_deleting') {
        throw new RemoteFSConcurrentRequest(
          `Snapshot ${id} has been asked to be deleted while waiting for it to become available. Perhaps a concurrent ` +
            'request was made.',
        );
      }
    });
  }

  /** Looks at the row until Nova has written `90%` to it. */
  async #wait(
    id: string,
    expected: 'creating' | 'deleting',
    atMost: number,
    signal: AbortSignal,
    confirmed: (() => Promise<boolean>) | undefined,
    otherwise: (status: string | undefined) => void,
  ): Promise<void> {
    const began = performance.now();
    for (;;) {
      const state = await this.#parts.records.snapshotState(id);
      if (state?.status === expected) {
        if (state.progress === '90%' && (confirmed === undefined || (await confirmed()))) return;
      } else otherwise(state?.status);
      const seconds = (performance.now() - began) / 1000;
      if (seconds > atMost) {
        const what = expected === 'creating' ? 'creation' : 'deletion';
        throw new RemoteFSException(`Timed out while waiting for Nova update for ${what} of snapshot ${id}.`);
      }
      await sleep(this.#parts.pause(seconds), undefined, { signal });
    }
  }
}

function asQcow2(volume: Volume): Pick<SnapshotDeletion, 'type' | 'volume_id'> {
  return { type: 'qcow2', volume_id: volume.id };
}

function upstreamsPause(seconds: number): number {
  return seconds <= 10 ? 1000 : seconds <= 20 ? 2000 : seconds <= 60 ? 5000 : 10_000;
}
