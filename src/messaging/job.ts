import type { RpcMethod, RunningOperation } from '../interface/rpc.ts';
import type { Request } from './envelope.ts';
import type { SlotKind } from './slots.ts';

/** A delivery that is not settled. */
export interface Held {
  accept(): void;
}

/** `waiting` for a slot; `recording` and `running` with one. */
export type JobState = 'waiting' | 'recording' | 'running';

/** One request in our hands, with the deliveries that stand for it at the broker: the first one and its copies. */
export class Job {
  readonly request: Request;
  readonly method: RpcMethod;
  readonly kind: SlotKind;
  readonly redelivered: boolean;
  readonly received = performance.now();
  state: JobState = 'waiting';
  about = '';
  progress: (() => string | undefined) | undefined;
  /** Ends the signs of life that a monitored call gets. */
  stopBeating: () => void = () => {};
  readonly #held = new Set<Held>();
  #settled = false;

  constructor(request: Request, method: RpcMethod, redelivered = false) {
    this.request = request;
    this.method = method;
    this.redelivered = redelivered;
    // A signal is settled already: it must not wait behind casts that are with the broker still.
    this.kind = request.reply === undefined && method.class !== 'signal' ? 'cast' : 'call';
  }

  get age(): number {
    return performance.now() - this.received;
  }

  /** Whether a delivery of it is with the broker, unsettled. */
  get isHeld(): boolean {
    return this.#held.size > 0;
  }

  /** May be settled before it has ended: whoever asked is gone, or asks again. */
  get isRepeatable(): boolean {
    return this.method.class === 'repeatable';
  }

  /** Ties a delivery to the job: it is settled when the job is, at once where that has been. */
  hold(held: Held): void {
    if (this.#settled) held.accept();
    else this.#held.add(held);
  }

  /** The delivery is gone with its session: the broker has it again. */
  letGo(held: Held): void {
    this.#held.delete(held);
  }

  /** From here on the broker may forget it. */
  settle(): void {
    this.#settled = true;
    for (const held of this.#held) held.accept();
    this.#held.clear();
  }

  describe(): RunningOperation {
    const { about, age } = this;
    const progress = this.progress?.();
    const { method, context } = this.request;
    const description = { method, about, requestId: context.request_id, age };
    return progress === undefined ? description : { ...description, progress };
  }
}
