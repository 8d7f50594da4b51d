/** What libvirt is to do when it takes a snapshot of a volume that a guest uses. */
interface SnapshotCreation {
  readonly type: 'qcow2';
  /** Name of the empty file that the guest writes to from then on; it lies beside the volume. */
  readonly new_file: string;
  readonly snapshot_id: string;
}

/** Which file libvirt merges into which when a snapshot goes; null is no file, or the active one. */
export interface SnapshotDeletion {
  readonly type: 'qcow2';
  readonly volume_id: string;
  readonly file_to_merge: string | null;
  readonly merge_target_file: string | null;
}

/**
 * Nova's os-assisted-volume-snapshots. A call returns when Nova has taken the order; how it ends stands in the snapshot's
 * row: progress `90%`, or status `error`. Throws what says that Nova did not take it.
 */
export interface NovaApi {
  createVolumeSnapshot(volumeId: string, info: SnapshotCreation, signal: AbortSignal): Promise<void>;
  deleteVolumeSnapshot(snapshotId: string, info: SnapshotDeletion, signal: AbortSignal): Promise<void>;
}
