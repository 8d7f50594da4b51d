import { bool, int, list, type OptionGroup, str, type ValuesOf } from '../interface/options.ts';

/** Options of `[DEFAULT]` that say how images are inspected and converted (config.md §12.1). */
export const imageOptions = {
  image_conversion_dir: str('$state_path/conversion', 'Where images are kept while they are converted.'),
  image_conversion_disable: bool(false, 'Refuse images that would have to be converted.'),
  image_conversion_cpu_limit: int(60, 'Seconds of processor time that looking into an image may take.', { min: 1 }),
  image_conversion_address_space_limit: int(1, 'GiB of address space of a program that looks into an image.', {
    min: 1,
  }),
  vmdk_allowed_types: list(['streamOptimized', 'monolithicSparse'], 'Kinds of VMDK images that are taken.'),
  allow_compression_on_image_upload: bool(false, 'Take images, and make them, with container format compressed.'),
  image_compress_on_upload: bool(true, 'Compress inside the images that are made, where their format can.'),
} as const;

export const imageGroup = { group: 'DEFAULT', options: imageOptions } satisfies OptionGroup;

export type ImageValues = ValuesOf<typeof imageOptions>;
