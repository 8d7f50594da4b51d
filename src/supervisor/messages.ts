import type { Sources } from '../config/sources.ts';
import type { WorkerReport } from '../interface/worker-report.ts';
import type { BrokerAddress } from '../messaging/connection-plan.ts';
import type { ServiceHost } from '../objects/host.ts';
import type { PrivateTgtd } from '../targets/private-tgtd.ts';

/** A private tgtd, and where its targets are reached. */
export type TargetDaemon = PrivateTgtd;

/** The first word to a worker that is to run a backend. The configuration travels with it: files may have changed. */
export interface VolumeStart {
  readonly kind: 'start';
  readonly role: 'volume';
  readonly sources: Sources;
  readonly backend: string;
  readonly host: ServiceHost;
  /** Every service of this node (O-22d). */
  readonly services: readonly ServiceHost[];
  /** Null until the embedded broker listens; undefined where the configuration names a broker. */
  readonly broker: BrokerAddress | null | undefined;
  /** Null: no tgt is installed; undefined: the machine's, as configured. */
  readonly target: TargetDaemon | null | undefined;
  /** Begins without taking messages: an operator drains it. */
  readonly drained: boolean;
}

/** The first word to the embedded broker. */
export interface BrokerStart {
  readonly kind: 'start';
  readonly role: 'broker';
  readonly sources: Sources;
  readonly host: string;
  /** Ports to try, in this order; the last may be 0. */
  readonly ports: readonly number[];
  readonly user: string;
  readonly password: string;
}

export type ToWorker =
  | VolumeStart
  | BrokerStart
  | { readonly kind: 'broker'; readonly address: BrokerAddress }
  | { readonly kind: 'reload'; readonly sources: Sources; readonly services: readonly ServiceHost[] }
  | { readonly kind: 'stop' }
  | { readonly kind: 'drain'; readonly on: boolean }
  | { readonly kind: 'reinit' };

export type FromWorker =
  | { readonly kind: 'report'; readonly report: WorkerReport; readonly nextTry: number | null }
  /** The backend cannot work with this configuration: not to be started again. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string }
  | { readonly kind: 'listening'; readonly address: BrokerAddress };
