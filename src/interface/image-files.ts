import type { Image, Transfer } from './image-service.ts';
import type { LocalFormat } from './volume-driver.ts';

/** Data that stands at a path of this machine, in a format that we know and do not guess. */
export interface LocalData {
  readonly path: string;
  readonly format: LocalFormat;
}

/** What was found in the file of an image, after it was found to be safe. */
export interface ImageFile {
  readonly path: string;
  /** As qemu-img names it, such as `vpc`. */
  readonly format: string;
  /** Bytes of the disk in it. */
  readonly virtualSize: number;
}

/**
 * Files of images on this machine, in `image_conversion_dir`, and their conversion. Nothing that came from a user is opened
 * by a program that may follow what is written in it before its header was looked at here (S-51, manager.md §4.5).
 */
export interface ImageFiles {
  /** Throws ImageTooBig unless the folder has room for so many bytes. */
  checkRoom(bytes: number, imageId: string): Promise<void>;
  /** Runs `body` with a path of its own in the folder, named after the image; the file is removed afterwards, however it ends. */
  withFile<T>(purpose: 'image_fetch' | 'vol_upload', imageId: string, body: (path: string) => Promise<T>): Promise<T>;
  /** Throws ImageConversionNotAllowed where the image would have to be converted and may not be. */
  checkConversion(image: Pick<Image, 'id' | 'disk_format'>, volume: LocalFormat, upload: boolean): void;
  /**
   * Looks into a downloaded file, which is unpacked in place first where the image says that it is compressed; it may then
   * take `most` bytes. Throws ImageUnacceptable for what refers to other files, is not what the image claims, or is damaged.
   */
  inspect(path: string, image: Image, most: number, signal: AbortSignal): Promise<ImageFile>;
  /**
   * Writes the data of an image into a volume that is at least as large. A `blank` one reads as zeros: only what differs is
   * written. Else everything is, and what stood behind the end of the image is gone. Durable when it resolves.
   */
  writeToVolume(image: ImageFile, volume: LocalData, blank: boolean, transfer: Transfer): Promise<void>;
  /** Makes the file `path` from a volume, in the disk format that the image wants. */
  makeFromVolume(
    volume: LocalData,
    image: Pick<Image, 'id' | 'disk_format'>,
    path: string,
    transfer: Transfer,
  ): Promise<void>;
  /** Removes what a process of this backend that was killed has left in the folder. Never rejects: what fails is logged. */
  sweep(): Promise<void>;
}
