import { imageLocationOptions } from '../interface/image-options.ts';
import { bool, choice, int } from '../interface/options.ts';

/** Options of `[DEFAULT]` about images that operations read (config.md §12.1). */
export const imageManagerOptions = {
  ...imageLocationOptions,
  verify_glance_signatures: choice(
    ['disabled', 'enabled'],
    'enabled',
    'Check the signatures of images. Where an image has one it is refused: this release has no key manager to check it with.',
  ),
};

/** Options of a backend's section about images (config.md §12.2). */
export const imageBackendOptions = {
  image_volume_cache_enabled: bool(false, 'Keep a copy of each image on the backend, to clone further volumes from.'),
  image_volume_cache_max_count: int(0, 'Copies to keep; 0 for no limit.', { min: 0 }),
  image_volume_cache_max_size_gb: int(0, 'GiB that the copies may have together; 0 for no limit.', { min: 0 }),
  image_upload_use_cinder_backend: bool(false, 'Upload raw images by cloning the volume on the backend.'),
  image_upload_use_internal_tenant: bool(false, 'Such clones belong to the project of the service.'),
};
