import { CinderError } from '../base/errors.ts';

// Names, sentences and kwargs are those of cinder.exception (rpc.md §7); only what the daemon throws stands here.

type Options = ErrorOptions | undefined;

export class Invalid extends CinderError {
  constructor(reason: string, options?: Options) {
    super(reason, {}, options);
  }
}

export class InvalidInput extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Invalid input received: ${kwargs.reason}`, kwargs, options);
  }
}

export class InvalidVolume extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Invalid volume: ${kwargs.reason}`, kwargs, options);
  }
}

export class InvalidSnapshot extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Invalid snapshot: ${kwargs.reason}`, kwargs, options);
  }
}

export class InvalidGroup extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Invalid Group: ${kwargs.reason}`, kwargs, options);
  }
}

export class GroupSnapshotNotFound extends CinderError {
  constructor(kwargs: { group_snapshot_id: string }, options?: Options) {
    super(`GroupSnapshot ${kwargs.group_snapshot_id} could not be found.`, kwargs, options);
  }
}

export class GroupNotFound extends CinderError {
  constructor(kwargs: { group_id: string }, options?: Options) {
    super(`Group ${kwargs.group_id} could not be found.`, kwargs, options);
  }
}

export class ReplicationGroupError extends CinderError {
  constructor(kwargs: { group_id: string; reason: string }, options?: Options) {
    super(`Group ${kwargs.group_id}: ${kwargs.reason}`, kwargs, options);
  }
}

export class InvalidUUID extends CinderError {
  constructor(kwargs: { uuid: string }, options?: Options) {
    super(`Expected a uuid but received ${kwargs.uuid}.`, kwargs, options);
  }
}

export class InvalidVolumeAttachMode extends CinderError {
  constructor(kwargs: { mode: string; volume_id: string }, options?: Options) {
    super(`Invalid attaching mode '${kwargs.mode}' for volume ${kwargs.volume_id}.`, kwargs, options);
  }
}

export class InvalidConnectorException extends CinderError {
  constructor(kwargs: { missing: string }, options?: Options) {
    super(`Connector doesn't have required information: ${kwargs.missing}`, kwargs, options);
  }
}

export class VolumeAttached extends CinderError {
  constructor(kwargs: { volume_id: string }, options?: Options) {
    super(`Volume ${kwargs.volume_id} is still attached, detach volume first.`, kwargs, options);
  }
}

export class VolumeNotFound extends CinderError {
  constructor(kwargs: { volume_id: string }, options?: Options) {
    super(`Volume ${kwargs.volume_id} could not be found.`, kwargs, options);
  }
}

export class SnapshotNotFound extends CinderError {
  constructor(kwargs: { snapshot_id: string }, options?: Options) {
    super(`Snapshot ${kwargs.snapshot_id} could not be found.`, kwargs, options);
  }
}

export class VolumeAttachmentNotFound extends CinderError {
  constructor(kwargs: { filter: string }, options?: Options) {
    super(`Volume attachment could not be found with filter: ${kwargs.filter}.`, kwargs, options);
  }
}

export class VolumeIsBusy extends CinderError {
  constructor(kwargs: { volume_name: string }, options?: Options) {
    super(`deleting volume ${kwargs.volume_name} that has snapshot`, kwargs, options);
  }
}

export class SnapshotIsBusy extends CinderError {
  constructor(kwargs: { snapshot_name: string }, options?: Options) {
    super(`deleting snapshot ${kwargs.snapshot_name} that has dependent volumes`, kwargs, options);
  }
}

export class VolumeBackendAPIException extends CinderError {
  constructor(kwargs: { data: string }, options?: Options) {
    super(`Bad or unexpected response from the storage volume backend API: ${kwargs.data}`, kwargs, options);
  }
}

export class BadResetResourceStatus extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Bad reset resource status : ${kwargs.reason}`, kwargs, options);
  }
}

export class BackupNotFound extends CinderError {
  constructor(kwargs: { backup_id: string }, options?: Options) {
    super(`Backup ${kwargs.backup_id} could not be found.`, kwargs, options);
  }
}

export class ServiceNotFound extends CinderError {
  constructor(kwargs: { service_id: string }, options?: Options) {
    super(`Service ${kwargs.service_id} could not be found.`, kwargs, options);
  }
}

export class VolumeMigrationFailed extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Volume migration failed: ${kwargs.reason}`, kwargs, options);
  }
}

export class VolumeTypeNotFound extends CinderError {
  constructor(kwargs: { volume_type_id: string }, options?: Options) {
    super(`Volume type ${kwargs.volume_type_id} could not be found.`, kwargs, options);
  }
}

export class UnableToFailOver extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Unable to failover to replication target: ${kwargs.reason}.`, kwargs, options);
  }
}

export class DriverNotInitialized extends CinderError {
  constructor(options?: Options) {
    super('Volume driver not ready.', {}, options);
  }
}

export class ExportFailure extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Failed to export for volume: ${kwargs.reason}`, kwargs, options);
  }
}

export class RemoveExportException extends CinderError {
  constructor(kwargs: { volume: string; reason: string }, options?: Options) {
    super(`Failed to remove export for volume ${kwargs.volume}: ${kwargs.reason}`, kwargs, options);
  }
}

export class MetadataCopyFailure extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Failed to copy metadata to volume: ${kwargs.reason}`, kwargs, options);
  }
}

export class MetadataUpdateFailure extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Failed to update metadata for volume: ${kwargs.reason}`, kwargs, options);
  }
}

export class TargetUpdateFailed extends CinderError {
  constructor(kwargs: { volume_id: string }, options?: Options) {
    super(`Failed to update target for volume ${kwargs.volume_id}.`, kwargs, options);
  }
}

export class ExtendVolumeError extends CinderError {
  constructor(kwargs: { reason: string }, options?: Options) {
    super(`Error extending volume: ${kwargs.reason}`, kwargs, options);
  }
}

/** `existing_ref` as Python prints a dictionary: peers put it into their own sentence. */
export class ManageExistingInvalidReference extends CinderError {
  constructor(kwargs: { existing_ref: string; reason: string }, options?: Options) {
    const { existing_ref, reason } = kwargs;
    super(`Manage existing volume failed due to invalid backend reference ${existing_ref}: ${reason}`, kwargs, options);
  }
}

export class VolumeDriverException extends CinderError {
  constructor(message: string, options?: Options) {
    super(`Volume driver reported an error: ${message}`, { message }, options);
  }
}

export class NfsException extends CinderError {
  constructor(message: string, options?: Options) {
    super(message, {}, options);
  }
}

export class NfsNoSharesMounted extends CinderError {
  constructor(options?: Options) {
    super('No mounted NFS shares found.', {}, options);
  }
}

export class NfsNoSuitableShareFound extends CinderError {
  constructor(kwargs: { volume_size: number }, options?: Options) {
    super(`There is no share which can host ${kwargs.volume_size}G.`, kwargs, options);
  }
}

export class RemoteFSException extends CinderError {
  constructor(message: string, options?: Options) {
    super(message, {}, options);
  }
}

export class RemoteFSConcurrentRequest extends CinderError {
  constructor(message: string, options?: Options) {
    super(message, {}, options);
  }
}

export class ManageExistingAlreadyManaged extends CinderError {
  constructor(kwargs: { volume_ref: string }, options?: Options) {
    super(`Unable to manage existing volume. Volume ${kwargs.volume_ref} already managed.`, kwargs, options);
  }
}

export class VolumeSizeExceedsLimit extends CinderError {
  constructor(kwargs: { size: number; limit: number }, options?: Options) {
    const { size, limit } = kwargs;
    super(`Requested volume size ${size} is larger than maximum allowed limit ${limit}.`, kwargs, options);
  }
}

export class VolumeSizeExceedsAvailableQuota extends CinderError {
  constructor(kwargs: { name: string; requested: number; quota: number; consumed: number }, options?: Options) {
    const { name, requested, quota, consumed } = kwargs;
    const text = `Requested volume or snapshot exceeds allowed ${name} quota. Requested ${requested}G, quota is`;
    super(`${text} ${quota}G and ${consumed}G has been consumed.`, kwargs, options);
  }
}

export class AdminRequired extends CinderError {
  constructor(options?: Options) {
    super('User does not have admin privileges', {}, options);
  }
}

export class VolumeTypeDefaultMisconfiguredError extends CinderError {
  constructor(kwargs: { volume_type_name: string }, options?: Options) {
    super(
      `The request cannot be fulfilled as the default volume type ${kwargs.volume_type_name} cannot be found.`,
      kwargs,
      options,
    );
  }
}

export class QuotaResourceUnknown extends CinderError {
  constructor(unknown: readonly string[], options?: Options) {
    const list = pythonList(unknown);
    super(`Unknown quota resources ${list}.`, { unknown: list }, options);
  }
}

/** Resources whose limit an increase would pass, with the limits and the usage as they stood then. */
export class OverQuota extends CinderError {
  readonly overs: readonly string[];
  readonly quotas: Readonly<Record<string, number>>;
  readonly usages: Readonly<Record<string, { readonly in_use: number; readonly reserved: number }>>;

  constructor(details: Pick<OverQuota, 'overs' | 'quotas' | 'usages'>, options?: Options) {
    const list = pythonList(details.overs);
    super(`Quota exceeded for resources: ${list}`, { overs: list }, options);
    this.overs = details.overs;
    this.quotas = details.quotas;
    this.usages = details.usages;
  }
}

function pythonList(words: readonly string[]): string {
  return `[${words.map((word) => `'${word}'`).join(', ')}]`;
}
