import { list } from './options.ts';

/** An option that both the image service's client and the operations go by. */
export const imageLocationOptions = {
  allowed_direct_url_schemes: list(
    [],
    'Kinds of image locations that may be opened directly: file, and cinder for volumes that are images.',
  ),
};
