import { CinderError } from '../base/errors.ts';

// What goes wrong with images, named and worded as in cinder.exception (rpc.md §7).

type Options = ErrorOptions | undefined;

export class ImageNotFound extends CinderError {
  constructor(kwargs: { image_id: string }, options?: Options) {
    super(`Image ${kwargs.image_id} could not be found.`, kwargs, options);
  }
}

export class ImageNotAuthorized extends CinderError {
  constructor(kwargs: { image_id: string }, options?: Options) {
    super(`Not authorized for image ${kwargs.image_id}.`, kwargs, options);
  }
}

/** The image service could not be asked, after all the tries that the configuration allows. */
export class GlanceConnectionFailed extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Connection to glance failed: ${kwargs.reason}`, kwargs, options);
  }
}

export class ImageLimitExceeded extends CinderError {
  constructor(options?: Options) {
    super('Image quota exceeded', {}, options);
  }
}

export class ImageDownloadFailed extends CinderError {
  constructor(kwargs: { image_href: string; reason: string }, options?: Options) {
    super(`Failed to download image ${kwargs.image_href}, reason: ${kwargs.reason}`, kwargs, options);
  }
}

/** The image can be no volume, or not this one: another backend would refuse it as well. */
export class ImageUnacceptable extends CinderError {
  constructor(kwargs: { image_id: string; reason: string }, options?: Options) {
    super(`Image ${kwargs.image_id} is unacceptable: ${kwargs.reason}`, kwargs, options);
  }
}

/** There is no room here to convert the image. */
export class ImageTooBig extends CinderError {
  constructor(kwargs: { image_id: string; reason: string }, options?: Options) {
    super(`Image ${kwargs.image_id} size exceeded available disk space: ${kwargs.reason}`, kwargs, options);
  }
}

export class ImageConversionNotAllowed extends CinderError {
  constructor(kwargs: { image_id: string; reason: string }, options?: Options) {
    super(`Image Conversion disallowed for image ${kwargs.image_id}: ${kwargs.reason}`, kwargs, options);
  }
}

export class ImageCopyFailure extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Failed to copy image to volume: ${kwargs.reason}`, kwargs, options);
  }
}

export class InvalidSignatureImage extends CinderError {
  constructor(kwargs: { image_id: string }, options?: Options) {
    super(
      `Signature metadata is incomplete for image: ${kwargs.image_id}, unable to verify signature.`,
      kwargs,
      options,
    );
  }
}

export class ImageSignatureVerificationException extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Failed to verify image signature, reason: ${kwargs.reason}.`, kwargs, options);
  }
}
