import { WrongValue } from '../base/errors.ts';
import { type BackupInMessage, backupCodec } from '../objects/backup.ts';
import { groupCodec, groupSnapshotCodec } from '../objects/group.ts';
import { requestSpecFromPrimitive } from '../objects/request-spec.ts';
import { type SnapshotInMessage, snapshotCodec } from '../objects/snapshot.ts';
import { bool, type Field, int, isRecord, type ObjectCodec, string } from '../objects/versioned-object.ts';
import { type VolumeInMessage, volumeCodec } from '../objects/volume.ts';
import type { Argument } from './method.ts';

export const volumeArgument: Argument<VolumeInMessage> = withId(volumeCodec, 'Volume');
export const snapshotArgument: Argument<SnapshotInMessage> = withId(snapshotCodec, 'Snapshot');

export const backupArgument: Argument<BackupInMessage> = {
  decode(value) {
    const { id, volume_id, ...backup } = backupCodec.decode(value);
    if (!id || !volume_id) throw new WrongValue('Backup without an id or a volume_id');
    return { ...backup, id, volume_id };
  },
};

export const groupArgument: Argument<{ readonly id: string }> = withId(groupCodec, 'Group');
export const groupSnapshotArgument: Argument<{ readonly id: string }> = withId(groupSnapshotCodec, 'GroupSnapshot');

/** Ids joined by commas, as update_group sends them. */
export const idsArgument: Argument<readonly string[]> = {
  decode: (value) =>
    value === null
      ? []
      : string
          .decode(value)
          .split(',')
          .filter((id) => id !== ''),
  preset: [],
};

export const dictionary: Field<Readonly<Record<string, unknown>>> = {
  decode(value) {
    if (!isRecord(value)) throw new WrongValue('expected a dictionary');
    return value;
  },
  encode: (value) => value,
};

/** GiB: a whole number above zero that a row can hold. */
export const size: Argument<number> = {
  decode(value) {
    const gigabytes = int.decode(value);
    if (gigabytes < 1 || gigabytes > 2 ** 31 - 1)
      throw new WrongValue(`expected a size in GiB from 1, got ${gigabytes}`);
    return gigabytes;
  },
};

export const createArguments = {
  volume: volumeArgument,
  request_spec: preset({ decode: requestSpecFromPrimitive }, requestSpecFromPrimitive(null)),
  filter_properties: preset<Readonly<Record<string, unknown>>>(
    { decode: (value) => (value === null ? {} : dictionary.decode(value)) },
    {},
  ),
  allow_reschedule: preset(bool, true),
};

export function preset<T>(argument: Pick<Argument<T>, 'decode'>, value: T): Argument<T> {
  return { decode: argument.decode, preset: value };
}

/** An argument that may be null, and may be left out. */
export function optional<T>(argument: Pick<Argument<T>, 'decode'>): Argument<T | null> {
  return { decode: (value) => (value === null ? null : argument.decode(value)), preset: null };
}

function withId<T extends { readonly id: string }>(codec: ObjectCodec<T>, name: string) {
  return {
    decode(value: unknown): Partial<T> & { readonly id: string } {
      const object = codec.decode(value);
      const { id } = object;
      if (typeof id !== 'string' || id === '') throw new WrongValue(`${name} without an id`);
      return { ...object, id };
    },
  };
}
