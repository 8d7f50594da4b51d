import type { Tables } from '../interface/database.ts';
import { type Snapshot, snapshotCodec } from '../objects/snapshot.ts';
import { type Volume, volumeCodec } from '../objects/volume.ts';
import { CommandError } from './command.ts';
import type { Session } from './session.ts';

/** One request to a volume service: what is written first, what is sent, and how it is taken back (M-64). */
interface Request {
  /** `host@backend`, with or without its pool. */
  readonly host: string;
  readonly method: string;
  /** Writes the rows that cinder-api and the scheduler would write; resolves to the arguments of the message. */
  prepare(tx: Tables): Promise<Readonly<Record<string, unknown>>>;
  /** Undoes that, while no service has claimed the resource; false when one has: then the request was taken after all. */
  undo(tx: Tables): Promise<boolean>;
}

/**
 * Hands a request over: the rows in one transaction, then the message. Resolves when a service has taken it, which means
 * that it stands in the database as that service's work. Where none took it in time, or ^C came first, the rows are as
 * before, and a CommandError says so.
 */
export async function request(session: Session, { host, method, prepare, undo }: Request): Promise<void> {
  const args = await session.db.transaction(prepare);
  const outcome = await session.cast(host, method, args);
  if (outcome === 'accepted') return;
  const undone = await session.db.transaction(undo);
  if (undone) throw new CommandError(`no service took the request: ${reasons[outcome](host)}; nothing was changed`);
  if (outcome === 'interrupted')
    throw new CommandError(`interrupted; ${host} has taken the request and carries it out`);
}

const reasons = {
  unroutable: (host: string) => `${host} was asked, but it is not running`,
  'no outcome': (host: string) => `${host} was asked, but it did not answer in time`,
  interrupted: () => 'interrupted before one did',
};

/** The arguments of a create as the scheduler sends them, but for what only a scheduler knows. */
export function createArgs(volume: Volume): Record<string, unknown> {
  const request_spec = {
    'versioned_object.name': 'RequestSpec',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.5',
    'versioned_object.data': {
      volume_id: volume.id,
      snapshot_id: volume.snapshot_id,
      source_volid: volume.source_volid,
      image_id: null,
      backup_id: null,
    },
  };
  return { volume: volumeCodec.encode(volume), request_spec, filter_properties: {}, allow_reschedule: false };
}

export function volumeArgs(volume: Volume, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { volume: volumeCodec.encode(volume), ...more };
}

export function snapshotArgs(
  snapshot: Snapshot,
  volume: Volume,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return { snapshot: snapshotCodec.encode({ ...snapshot, volume }), ...more };
}
