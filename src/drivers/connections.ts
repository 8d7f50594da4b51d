import type { Connector } from '../interface/volume-driver.ts';
import type { VolumeAttachment } from '../objects/attachment.ts';
import { InvalidVolume } from '../objects/exceptions.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';

type Attachment = Partial<VolumeAttachment>;

/** True while a host may write to the volume: as its row says, or one of its attachments. */
export function isAttached(volume: Volume): boolean {
  const used = new Set(['attached', 'attaching', 'detaching', 'error_detaching']);
  return (
    ['in-use', 'attaching', 'detaching'].includes(volume.status) ||
    used.has(volume.attach_status ?? '') ||
    attachmentsOf(volume).some((attachment) => used.has(attachment.attach_status ?? ''))
  );
}

/** Throws InvalidVolume while a host may write to the volume. */
export function refuseAttached(volume: Volume): void {
  if (isAttached(volume)) throw new InvalidVolume({ reason: `volume ${volume.id} is attached` });
}

/**
 * What else is connected when one connection ends. The attachment that ends is still among those given; without a
 * connector all of them end.
 */
export function connectionsBeside(
  attachments: readonly Attachment[],
  connector: Connector | undefined,
): { readonly sameHost: boolean; readonly anyHost: boolean } {
  if (connector === undefined) return { sameHost: false, anyHost: false };
  const connected = attachments.filter((each) => each.deleted !== true && each.connector != null);
  const here = connected.filter((attachment) => isSameHost(attachment.connector ?? {}, connector));
  const others = connected.length - here.length;
  return { sameHost: here.length > 1, anyHost: here.length > 1 || others > 0 };
}

function isSameHost(one: Connector, other: Connector): boolean {
  const name = one['initiator'] ?? one['nqn'];
  if (name !== undefined && name === (other['initiator'] ?? other['nqn'])) return true;
  return name === undefined && one['host'] !== undefined && one['host'] === other['host'];
}
