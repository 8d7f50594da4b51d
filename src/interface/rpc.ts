import type { RequestContext } from '../objects/context.ts';

/** When a message is settled, and what stands for it until then (rpc.md §2.3). */
export type MethodClass = 'work' | 'state' | 'repeatable' | 'signal';

/** What the dispatcher finds for one wire name: nothing is found by reflection, what has no row does not exist. */
export interface RpcMethod {
  /** First RPC version that has the method in its present form, such as `3.9`. */
  readonly since: string;
  readonly class: MethodClass;
  /** Decodes the arguments. Throws TypeError or ValueError (as Python names them) for what is missing, unknown or wrong. */
  request(context: RequestContext, args: Readonly<Record<string, unknown>>, delivery?: Delivery): RpcRequest;
}

/** How a message came. */
export interface Delivery {
  /** The broker has given it out before: what it asks for may have been done (rpc.md R-05). */
  readonly redelivered: boolean;
}

export type RpcEndpoint = Readonly<Record<string, RpcMethod>>;

/** One decoded request. Until `record` resolves nothing has happened that anyone could see. */
export interface RpcRequest {
  /** What the request is about, as `/status` shows it: an id, or empty for the whole service. */
  readonly about: string;
  /**
   * Commits the row that says "this operation is in our hands"; for classes without a record it only hands the operation
   * out. Undefined means that there is nothing for us to do, and the reason was logged: the message is
   * settled all the same. Rejects with a DatabaseError when the database could not answer: then it is asked again.
   */
  record(signal: AbortSignal): Promise<RpcOperation | undefined>;
}

/** An operation that may run now. */
export interface RpcOperation {
  /** Runs it, once. What it resolves to is the reply of a call; what it rejects with, the failure. */
  run(signal: AbortSignal): Promise<unknown>;
  /** How far it has come, for `/status`; undefined when it cannot say. */
  progress?(): string | undefined;
}

/** Where a message goes: `topic` alone is any one server of it, with `server` that one, with `fanout` all (rpc.md §1.2). */
export interface RpcTarget {
  readonly topic: string;
  readonly server?: string;
  readonly fanout?: boolean;
}

/** A running operation, as `/status` and the stop lines show it. */
export interface RunningOperation {
  readonly method: string;
  readonly about: string;
  readonly requestId: string;
  /** Milliseconds since it was received. */
  readonly age: number;
  readonly progress?: string;
}
