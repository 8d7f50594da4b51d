import type { RpcEndpoint } from '../interface/rpc.ts';
import { bool, list, nullable, string } from '../objects/versioned-object.ts';
import { preset, size, volumeArgument } from './arguments.ts';
import { givingBack, volumeClaim, work } from './claim-requests.ts';
import { completeExtend, completionClaim } from './complete-extend.ts';
import { extendVolume } from './extend-volume.ts';
import type { VolumeManager } from './manager.ts';
import { method } from './method.ts';

const extendArguments = {
  volume: volumeArgument,
  new_size: size,
  reservations: preset(nullable(list(string)), null),
};

/** Growing volumes (rpc.md §4.1): by the backend, and what Nova says when it did so itself. */
export function extendEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    extend_volume: method(
      'extend_volume',
      '3.0',
      'work',
      extendArguments,
      ({ volume }) => volume.id,
      (context, args) => {
        const request = { new_size: args.new_size, reservations: args.reservations ?? [] };
        const claim = volumeClaim('extend_volume', args.volume, ['extending']);
        return work(manager, { ...claim, ...givingBack(request.reservations) }, (claimed) =>
          extendVolume(manager, context, claimed, request),
        );
      },
    ),
    extend_volume_completion: method(
      'extend_volume_completion',
      '3.19',
      'work',
      { ...extendArguments, error: bool },
      ({ volume }) => volume.id,
      (context, { volume, new_size, reservations, error }) => {
        const completion = { new_size, reservations: reservations ?? [], error };
        return work(manager, completionClaim(manager, context, volume, completion), (claimed) =>
          completeExtend(manager, context, claimed, completion),
        );
      },
    ),
  };
}
