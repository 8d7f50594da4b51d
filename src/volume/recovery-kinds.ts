import type { ResourceType } from '../interface/worker-table.ts';
import { groupRecovery, groupSnapshotRecovery } from './group-recovery.ts';
import type { RecoveryKind } from './recovery.ts';
import { snapshotRecovery } from './snapshot-recovery.ts';
import { volumeRecovery } from './volume-recovery.ts';

/** How each type of resource is carried on. A type without a row is left to whoever knows it. */
export const recoveryKinds: Readonly<Partial<Record<ResourceType, RecoveryKind>>> = {
  Volume: volumeRecovery,
  Snapshot: snapshotRecovery,
  Group: groupRecovery,
  GroupSnapshot: groupSnapshotRecovery,
};
