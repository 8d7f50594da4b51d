import { bool } from './options.ts';

/** Options that the counting of quotas and the operations both go by. */
export const quotaOptions = {
  no_snapshot_gb_quota: bool(false, 'Leave snapshots out of the quota of gigabytes.'),
};
