import type { RpcEndpoint } from '../../src/interface/rpc.ts';
import { requestSpecFromPrimitive } from '../../src/objects/request-spec.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';

/** An endpoint that decodes the objects which its requests carry, and does nothing with them. */
export function decodingEndpoint(methods: readonly string[]): RpcEndpoint {
  const request = (_context: unknown, args: Readonly<Record<string, unknown>>) => {
    if ('volume' in args) volumeCodec.decode(args['volume']);
    if ('snapshot' in args) snapshotCodec.decode(args['snapshot']);
    if ('request_spec' in args) requestSpecFromPrimitive(args['request_spec']);
    return { about: '', record: async () => ({ run: async () => null }) };
  };
  return Object.fromEntries(methods.map((name) => [name, { since: '3.0', class: 'repeatable', request } as const]));
}
