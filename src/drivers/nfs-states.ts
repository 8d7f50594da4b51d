import { InvalidVolume } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { isAttached } from './connections.ts';

/** States of a volume in which no guest may have its files open, or get them to open. */
export const offlineStates = ['available', 'backing-up', 'downloading', 'reverting'];

/** States of a volume whose files a guest has open, in which Nova may be asked to change them. */
export const onlineStates = ['in-use', 'backing-up'];

/** States in which nobody works on a volume, and nobody gets it. */
export const brokenStates = [
  'error',
  'error_deleting',
  'error_extending',
  'error_restoring',
  'maintenance',
  'retyping',
];

/** A guest has the files open: they are changed through Nova only. */
export function isOnline({ attach_status }: Volume): boolean {
  return attach_status === 'attached';
}

/** Throws InvalidVolume in upstream's words, unless the volume is in one of the states, and attached in none but in-use. */
export function refuseOthers(volume: Volume, states: readonly string[], what: string): void {
  if (states.includes(volume.status) && (states.includes('in-use') || !isAttached(volume))) return;
  const reason =
    `Invalid ${what} state. Acceptable states for this operation: ${states.join(', ')}. Current ${what} state: ` +
    `${volume.status}${isAttached(volume) ? ', attached' : ''}.`;
  throw new InvalidVolume({ reason });
}
