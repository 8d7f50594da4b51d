import type { ServiceHost } from '../objects/host.ts';
import type { Service } from '../objects/service.ts';

export interface ServiceTable {
  find(host: string, binary: string): Promise<Service | undefined>;
  get(id: number): Promise<Service | undefined>;
  list(): Promise<readonly Service[]>;
  /** Finds or makes the row of a starting service and sets its versions (database.md §2.1). */
  register(service: NewService): Promise<Service>;
  /** One heartbeat: `report_count` + 1, `updated_at`, the zone. False when the row is gone. */
  reportState(id: number, availability_zone: string): Promise<boolean>;
  /** With `disabled` among the changes `modified_at` is set and `updated_at` kept. False when the row is gone. */
  update(id: number, changes: ServiceChanges): Promise<boolean>;
}

export interface NewService {
  readonly host: ServiceHost;
  readonly binary: string;
  readonly topic: string;
  readonly availability_zone: string;
  readonly disabled: boolean;
  readonly cluster_name: string | null;
  readonly rpc_current_version: string;
  readonly object_current_version: string;
}

export type ServiceChanges = Partial<
  Pick<Service, 'disabled' | 'disabled_reason' | 'replication_status' | 'active_backend_id' | 'frozen' | 'cluster_name'>
>;
