import { CinderError } from '../base/errors.ts';
import type { RpcEndpoint, RpcMethod } from '../interface/rpc.ts';
import { rpcVersion } from '../objects/service.ts';
import type { Request } from './envelope.ts';

class NoSuchMethod extends CinderError {
  override readonly module = 'oslo_messaging.rpc.dispatcher';
  constructor(method: string) {
    super(`Endpoint does not support RPC method ${method}`);
  }
}

class UnsupportedVersion extends CinderError {
  override readonly module = 'oslo_messaging.rpc.dispatcher';
  constructor(version: string, method: string) {
    super(`Endpoint does not support RPC version ${version}. Attempted method: ${method}`);
  }
}

/** Finds the row of the endpoint table that a request is for. Throws NoSuchMethod or UnsupportedVersion (rpc.md §2.1). */
export type Dispatcher = (request: Pick<Request, 'method' | 'version' | 'namespace'>) => RpcMethod;

const pingMethod = 'oslo_rpc_server_ping';

/** What a probe from outside may ask where `rpc_ping_enabled` is set (O-15). It has no version of its own. */
const ping: RpcMethod = {
  since: '1.0',
  class: 'repeatable',
  request: () => ({ about: '', record: async () => ({ run: async () => 'pong' }) }),
};

export function dispatcher(endpoint: RpcEndpoint, options: { readonly ping: boolean }): Dispatcher {
  return ({ method, version, namespace }) => {
    if (options.ping && method === pingMethod && namespace === null) return ping;
    if (namespace !== null || !isSupported(version)) throw new UnsupportedVersion(version, method);
    const row = method.startsWith('_') || !Object.hasOwn(endpoint, method) ? undefined : endpoint[method];
    if (row === undefined) throw new NoSuchMethod(method);
    return row;
  };
}

/** Same major version, and no newer than ours. */
function isSupported(version: string): boolean {
  const asked = /^(\d+)\.(\d+)(?:\.\d+)?$/.exec(version);
  const [major, minor] = rpcVersion.split('.').map(Number);
  return asked !== null && Number(asked[1]) === major && Number(asked[2]) <= (minor ?? 0);
}
