import { CinderError, messageOf, type Scalar } from '../base/errors.ts';
import type { Message } from './envelope.ts';

/** A failure that a peer reported: its class, module and fields under the names that they have over there. */
export class RemoteError extends CinderError {
  override readonly module: string;
  /** The peer's stack, a line an entry. */
  readonly trace: readonly string[];

  constructor(failure: {
    name: string;
    module: string;
    message: string;
    kwargs: Record<string, Scalar>;
    trace: string[];
  }) {
    super(failure.message, failure.kwargs);
    this.name = failure.name;
    this.module = failure.module;
    this.trace = failure.trace;
  }
}

/** Replaces secrets in a text: what leaves in a failure is read by people and logged by peers (G-090). */
export type Mask = (text: string) => string;

/** HTTP codes of the classes of `cinder.exception` (rpc.md §7); every other class is 500. */
const codes: Readonly<Record<number, readonly string[]>> = {
  400: [
    'Invalid',
    'InvalidInput',
    'InvalidVolume',
    'InvalidSnapshot',
    'InvalidGroup',
    'InvalidGroupSnapshot',
    'InvalidGroupType',
    'InvalidUUID',
    'InvalidVolumeAttachMode',
    'InvalidVolumeType',
    'InvalidReplicationTarget',
    'InvalidBackup',
    'VolumeAttached',
    'ServiceTooOld',
    'ExportFailure',
    'MetadataCopyFailure',
    'MetadataUpdateFailure',
    'ImageCopyFailure',
    'ImageTooBig',
    'ImageUnacceptable',
    'InvalidSignatureImage',
    'DeviceUnavailable',
    'CleanableInUse',
  ],
  403: ['NotAuthorized', 'AdminRequired'],
  404: [
    'NotFound',
    'VolumeNotFound',
    'VolumeAttachmentNotFound',
    'SnapshotNotFound',
    'GroupNotFound',
    'GroupSnapshotNotFound',
    'ServiceNotFound',
    'ClusterNotFound',
    'GlanceMetadataNotFound',
    'VolumeTypeNotFound',
  ],
  413: [
    'ImageLimitExceeded',
    'VolumeSizeExceedsLimit',
    'VolumeSizeExceedsAvailableQuota',
    'SnapshotLimitExceeded',
    'VolumeLimitExceeded',
  ],
};

const codeOfClass = new Map(
  Object.entries(codes).flatMap(([code, names]) => names.map((name) => [name, Number(code)] as const)),
);

/**
 * The `failure` of a reply: JSON text (rpc.md §2.2). What is no CinderError is a `CinderException` to the caller, who can
 * build no other class, with the text that it had.
 */
export function encodeFailure(error: unknown, mask: Mask): string {
  const known = error instanceof CinderError;
  const name = known ? error.name : 'CinderException';
  const module = known ? error.module : 'cinder.exception';
  const message = mask(textOf(error));
  const kwargs: Record<string, Scalar> = {};
  for (const [key, value] of Object.entries(known ? error.kwargs : {})) {
    if (key !== 'message') kwargs[key] = typeof value === 'string' ? mask(value) : value;
  }
  if (module === 'cinder.exception') kwargs['code'] ??= codeOfClass.get(name) ?? 500;
  const stack = error instanceof Error && error.stack !== undefined ? error.stack.split('\n') : [`${name}: ${message}`];
  return JSON.stringify({
    class: name,
    module,
    message,
    tb: stack.map((line) => `${mask(line)}\n`),
    args: [message],
    kwargs,
  });
}

/** The error that a `failure` tells of. What cannot be read is a failure all the same, and says so. */
export function decodeFailure(text: unknown): RemoteError {
  const { class: name, module, message, kwargs, tb } = fieldsOf(text);
  return new RemoteError({
    name: typeof name === 'string' ? name : 'RemoteError',
    module: typeof module === 'string' ? module : 'oslo_messaging.rpc.client',
    message: typeof message === 'string' ? message : `a failure that cannot be read: ${String(text).slice(0, 200)}`,
    kwargs: scalarsOf(kwargs),
    trace: Array.isArray(tb) ? tb.map(String) : [],
  });
}

function textOf(error: unknown): string {
  if (!(error instanceof AggregateError)) return messageOf(error);
  return [error.message, ...error.errors.map(messageOf)].filter((text) => text !== '').join('; ');
}

function fieldsOf(text: unknown): Record<string, unknown> {
  try {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : text;
    return typeof value === 'object' && value !== null ? { ...(value as Message) } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function scalarsOf(value: unknown): Record<string, Scalar> {
  const scalars: Record<string, Scalar> = {};
  for (const [key, item] of Object.entries(typeof value === 'object' && value !== null ? value : {})) {
    if (item === null || ['string', 'number', 'boolean'].includes(typeof item)) scalars[key] = item;
  }
  return scalars;
}
