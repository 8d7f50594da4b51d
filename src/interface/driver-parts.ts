import type { Logs } from '../base/log.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { Coordinator } from './coordinator.ts';
import type { DriverRecords } from './driver-records.ts';
import type { Executor } from './executor.ts';
import type { Naming } from './naming.ts';
import type { NovaApi } from './nova-api.ts';
import type { TargetDriver } from './target-driver.ts';

/** What the service lends a driver for as long as it runs. */
export interface DriverParts {
  readonly host: ServiceHost;
  /** Version of the daemon. */
  readonly version: string;
  /** `state_path`: below it a driver may keep what is its own. */
  readonly statePath: string;
  readonly exec: Executor;
  readonly coordinator: Coordinator;
  readonly naming: Naming;
  readonly logs: Logs;
  readonly records: DriverRecords;
  /** Makes the target driver of the backend's section; a driver that exports by itself never asks. */
  openTarget(): Promise<TargetDriver>;
  /** Nova as `[nova]` says; throws why there is no way to it. A driver whose snapshots no guest has a part in never asks. */
  openNova(signal: AbortSignal): Promise<NovaApi>;
}
