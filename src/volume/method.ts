import { WrongType, WrongValue } from '../base/errors.ts';
import type { Delivery, MethodClass, RpcMethod, RpcOperation } from '../interface/rpc.ts';
import type { RequestContext } from '../objects/context.ts';

/** Reads one argument. With `preset` the argument may be missing. */
export interface Argument<T> {
  decode(value: unknown): T;
  readonly preset?: T;
}

type Arguments = Readonly<Record<string, Argument<unknown>>>;
type Decoded<A extends Arguments> = { readonly [K in keyof A]: A[K] extends Argument<infer T> ? T : never };

/** What a handler gives back: the operation to run, or undefined when there is nothing to do. */
type Recorded = RpcOperation | undefined;

/** One row of the endpoint table: a handler never sees an undecoded value. */
export function method<A extends Arguments>(
  name: string,
  since: string,
  kind: MethodClass,
  table: A,
  about: (args: Decoded<A>) => string,
  record: (context: RequestContext, args: Decoded<A>, delivery: Delivery) => Promise<Recorded> | Recorded,
): RpcMethod {
  const known = Object.entries(table);
  return {
    since,
    class: kind,
    request(context, wire, delivery = { redelivered: false }) {
      const unknown = Object.keys(wire).find((key) => !Object.hasOwn(table, key));
      if (unknown !== undefined) {
        throw new WrongType(`VolumeManager.${name}() got an unexpected keyword argument '${unknown}'`);
      }
      const args = Object.fromEntries(
        known.map(([key, argument]) => [key, decodeArgument(name, key, argument, wire)]),
      ) as Decoded<A>;
      return { about: about(args), record: async () => record(context, args, delivery) };
    },
  };
}

function decodeArgument(
  name: string,
  key: string,
  argument: Argument<unknown>,
  wire: Readonly<Record<string, unknown>>,
): unknown {
  if (Object.hasOwn(wire, key)) {
    try {
      return argument.decode(wire[key]);
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error;
      throw new WrongValue(`VolumeManager.${name}() argument '${key}': ${error.message}`, {}, { cause: error });
    }
  }
  if ('preset' in argument) return argument.preset;
  throw new WrongType(`VolumeManager.${name}() missing 1 required positional argument: '${key}'`);
}
