import { abortable } from '../../src/base/abortable.ts';
import { WrongType } from '../../src/base/errors.ts';
import type { MethodClass, RpcEndpoint, RpcMethod, RpcOperation } from '../../src/interface/rpc.ts';
import { isRecord } from '../../src/objects/versioned-object.ts';

type Args = Readonly<Record<string, unknown>>;

/** What a method of the fake endpoint does; what is not said does nothing and answers null. */
export interface FakeMethod {
  readonly class?: MethodClass;
  /** The record; resolving to false drops the request. */
  readonly record?: (args: Args, signal: AbortSignal) => Promise<unknown>;
  readonly run?: (args: Args, signal: AbortSignal) => unknown;
}

/** An endpoint of methods that count: `records` and `runs` tell how often each began, by method and `id` argument. */
export class FakeEndpoint {
  readonly table: RpcEndpoint;
  readonly records = new Map<string, number>();
  readonly runs = new Map<string, number>();

  constructor(methods: Readonly<Record<string, FakeMethod>>) {
    this.table = Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, this.#row(name, method)]));
  }

  /** How often a method ran for one id. */
  ran(method: string, id = ''): number {
    return this.runs.get(`${method} ${id}`) ?? 0;
  }

  recorded(method: string, id = ''): number {
    return this.records.get(`${method} ${id}`) ?? 0;
  }

  #row(name: string, { class: kind = 'repeatable', record, run }: FakeMethod): RpcMethod {
    return {
      since: '3.0',
      class: kind,
      request: (_context, args) => {
        if ('bogus' in args) throw new WrongType(`${name}() got an unexpected keyword argument 'bogus'`);
        const about = typeof args['id'] === 'string' ? args['id'] : '';
        const key = `${name} ${about}`;
        return {
          about,
          record: async (signal): Promise<RpcOperation | undefined> => {
            count(this.records, key);
            if ((await record?.(args, signal)) === false) return undefined;
            return {
              run: async (stop) => {
                count(this.runs, key);
                // What is told to stop, stops: a test that fails must not wait for it.
                return (await abortable(Promise.resolve(run?.(args, stop)), stop)) ?? null;
              },
            };
          },
        };
      },
    };
  }
}

/** A promise and the hand that ends it. */
export function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The value under a key of something decoded from JSON. */
export function field(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}
