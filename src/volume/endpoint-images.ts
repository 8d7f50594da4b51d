import { WrongValue } from '../base/errors.ts';
import type { RpcEndpoint } from '../interface/rpc.ts';
import { isRecord, string } from '../objects/versioned-object.ts';
import { optional, snapshotArgument, volumeArgument } from './arguments.ts';
import { volumeClaim, work } from './claim-requests.ts';
import { copyVolumeToImage, type WaitingImage } from './copy-volume-to-image.ts';
import type { VolumeManager } from './manager.ts';
import { type Argument, method } from './method.ts';
import { reimage } from './reimage.ts';

/** Volumes and images (rpc.md §4.1). */
export function imageEndpoint(manager: VolumeManager): RpcEndpoint {
  return {
    copy_volume_to_image: method(
      'copy_volume_to_image',
      '3.0',
      'work',
      { volume_id: string, image_meta: imageArgument },
      ({ volume_id }) => volume_id,
      (context, { volume_id, image_meta }) =>
        work(manager, volumeClaim('copy_volume_to_image', { id: volume_id }, ['uploading']), (claimed, progress) =>
          copyVolumeToImage(manager, context, claimed, image_meta, progress),
        ),
    ),
    reimage: method(
      'reimage',
      '3.18',
      'work',
      { volume: volumeArgument, image_meta: imageArgument, image_snap: optional(snapshotArgument) },
      ({ volume }) => volume.id,
      (context, { volume, image_meta, image_snap }) => {
        const request = { imageId: image_meta.id, snapshotId: image_snap?.id ?? null };
        return work(manager, volumeClaim('reimage', volume, ['downloading']), (claimed, progress) =>
          reimage(manager, context, claimed, request, progress),
        );
      },
    ),
  };
}

/** Glance's image as the API had it: no versioned object, but a dictionary. */
const imageArgument: Argument<WaitingImage> = {
  decode(value) {
    if (!isRecord(value) || typeof value['id'] !== 'string') throw new WrongValue('expected an image with an id');
    const text = (key: string): string | null => (typeof value[key] === 'string' ? value[key] : null);
    return { id: value['id'], disk_format: text('disk_format'), container_format: text('container_format') };
  },
};
