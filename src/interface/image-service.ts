import type { UtcTime } from '../base/time.ts';
import type { RequestContext } from '../objects/context.ts';

/** An image as Glance describes it; what its schema does not know stands in `properties`. */
export interface Image {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly disk_format: string | null;
  readonly container_format: string | null;
  /** Bytes of the data; null while there is none. */
  readonly size: number | null;
  /** Bytes of the disk in it, where Glance has found out. */
  readonly virtual_size: number | null;
  /** GiB that a volume must have. */
  readonly min_disk: number;
  readonly min_ram: number;
  readonly checksum: string | null;
  readonly os_hash_algo: string | null;
  readonly os_hash_value: string | null;
  readonly owner: string | null;
  readonly updated_at: UtcTime | null;
  /** Where its data stands, as far as Glance tells; the first is `direct_url`. */
  readonly locations: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
}

/** What goes with a transfer of data. */
export interface Transfer {
  readonly signal: AbortSignal;
  /** Told how far it has come, in bytes. */
  readonly progress: (done: number, total: number) => void;
}

/**
 * The image service, asked on behalf of `context`: with its token, and the daemon's own beside it where configured. Every
 * method tries again as often as `glance_num_retries` says, at the next server, when there is no answer. Throws
 * ImageNotFound, ImageNotAuthorized, ImageLimitExceeded, Invalid (Glance calls the request a bad one), GlanceConnectionFailed.
 */
export interface ImageService {
  /** Throws ImageNotFound also for an image that is deleted. */
  show(context: RequestContext, imageId: string, signal: AbortSignal): Promise<Image>;
  /**
   * Writes the data of the image into `file`, which is made or replaced. It is what Glance has the hash of: anything else
   * is ImageDownloadFailed. A full disk is ImageTooBig. What was written before a failure stays, for the caller to remove.
   */
  download(context: RequestContext, image: Image, file: string, transfer: Transfer): Promise<void>;
  /** Gives a queued image its data, the bytes of `file`, compressed on the way with `gzip`. */
  upload(
    context: RequestContext,
    imageId: string,
    file: string,
    how: { readonly gzip: boolean; readonly store: string | undefined },
    transfer: Transfer,
  ): Promise<void>;
  /** Tells Glance that the data of a queued image stands at `url`. */
  addLocation(
    context: RequestContext,
    imageId: string,
    url: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Deletes the image. Absence is success. */
  remove(context: RequestContext, imageId: string, signal: AbortSignal): Promise<void>;
}
