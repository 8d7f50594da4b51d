import type { Logs } from '../base/log.ts';
import type { Coordinator } from '../interface/coordinator.ts';
import type { Executor } from '../interface/executor.ts';
import type { Naming } from '../interface/naming.ts';
import type { TgtdAddress } from './tgtadm.ts';

/** What the service lends a target driver. */
export interface TargetParts {
  readonly exec: Executor;
  readonly coordinator: Coordinator;
  readonly naming: Naming;
  readonly logs: Logs;
  /** The tgtd to talk to; the machine's own by default. */
  readonly tgtd?: TgtdAddress;
  /** Admit only initiators that a connector has named, beside asking for CHAP (the default); false: whoever knows the secret. */
  readonly restrictInitiators?: boolean;
}
