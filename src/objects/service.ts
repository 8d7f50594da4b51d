import type { UtcTime } from '../base/time.ts';

/** What this daemon implements, as `services.rpc_current_version` says it (rpc.md §3). */
export const rpcVersion = '3.20';

/** The set of object versions that we send, as `services.object_current_version` says it (objects.md §5.2). */
export const objectVersion = '1.39';

/** A row of `services` (database.md §2.1). */
export interface Service {
  readonly id: number;
  readonly host: string;
  readonly binary: string;
  readonly topic: string;
  readonly report_count: number;
  readonly disabled: boolean;
  readonly disabled_reason: string | null;
  readonly availability_zone: string | null;
  readonly rpc_current_version: string | null;
  readonly object_current_version: string | null;
  readonly replication_status: string | null;
  readonly frozen: boolean;
  readonly active_backend_id: string | null;
  readonly cluster_name: string | null;
  readonly uuid: string | null;
  readonly modified_at: UtcTime | null;
  readonly created_at: UtcTime | null;
  readonly updated_at: UtcTime | null;
  readonly deleted: boolean;
}
