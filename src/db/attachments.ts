import type { Kysely, Selectable } from 'kysely';
import { utcNow } from '../base/time.ts';
import type { AttachedBy, AttachmentChanges, AttachmentTable } from '../interface/attachment-table.ts';
import { DatabaseError } from '../interface/database.ts';
import type { VolumeAttachment } from '../objects/attachment.ts';
import { InvalidUUID, VolumeAttachmentNotFound, VolumeNotFound } from '../objects/exceptions.ts';
import { looksLikeUuid } from '../objects/uuid.ts';
import { isRecord } from '../objects/versioned-object.ts';
import type { Access } from './access.ts';
import { locked } from './locks.ts';
import { removeMetadata } from './metadata.ts';
import { born, buried, encode, grouped, touched } from './rows.ts';
import type { Schema } from './schema.ts';
import { statement } from './statement.ts';

type Row = Selectable<Schema['volume_attachment']>;

/** The table `volume_attachment` (database.md §3.4, §4). */
export function attachmentTable({ read, write }: Access): AttachmentTable {
  return {
    get: (id) =>
      read(async (db) => {
        const row = await find(db, id);
        return row && toAttachment(row);
      }),
    ofVolume: (volumeId) => read(async (db) => (await attachmentsOf(db, [volumeId])).get(volumeId) ?? []),
    create: ({ id, volume_id, ...columns }) =>
      write(async (db) => {
        const values = encode('volume_attachment', { id, volume_id, ...withTexts(columns), ...born() });
        await db.insertInto('volume_attachment').values(values).execute();
      }),
    update: (id, changes) => write((db) => update(db, id, withTexts(changes))),
    attached: (id, by) => write((db) => attached(db, id, by)),
    detached: (volumeId, id) => write((db) => detached(db, volumeId, id)),
    move: (from, to) =>
      write(async (db) => {
        await db
          .updateTable('volume_attachment')
          .set(encode('volume_attachment', { volume_id: to, ...touched() }))
          .where('volume_id', '=', from)
          .where('deleted', '=', false)
          .execute();
      }),
    destroy: (id) => write((db) => destroy(db, id)),
  };
}

const liveOfVolumes = statement((db, { volumeIds }: { volumeIds: readonly string[] }) =>
  db
    .selectFrom('volume_attachment')
    .selectAll()
    .where('volume_id', 'in', volumeIds)
    .where('deleted', '=', false)
    .orderBy('created_at')
    .orderBy('id'),
);

/** The live attachments of many volumes, oldest first; one without any is not in the map. */
export async function attachmentsOf(
  db: Kysely<Schema>,
  volumeIds: readonly string[],
): Promise<ReadonlyMap<string, readonly VolumeAttachment[]>> {
  const { rows } = await liveOfVolumes(db, { volumeIds });
  return grouped(rows.map(toAttachment), ({ volume_id }) => volume_id);
}

async function attached(db: Kysely<Schema>, id: string, by: AttachedBy): Promise<void> {
  const { markAttached, ...columns } = by;
  if (by.instance_uuid !== null && !looksLikeUuid(by.instance_uuid)) throw new InvalidUUID({ uuid: by.instance_uuid });
  const row = await find(db, id);
  if (row === undefined) throw new VolumeAttachmentNotFound({ filter: `attachment_id = ${id}` });
  const volume = await volumeOf(db, row.volume_id);
  const attach_status = markAttached ? 'attached' : 'attaching';
  await update(db, id, { ...columns, attach_status, attach_time: utcNow() });
  await moveVolume(db, volume, { status: statusFor(attach_status), attach_status });
}

async function detached(db: Kysely<Schema>, volumeId: string, id: string | undefined): Promise<void> {
  const volume = await volumeOf(db, volumeId);
  const now = utcNow();
  if (id !== undefined) await update(db, id, { ...buried(now), attach_status: 'detached', detach_time: now });
  const attach_status = await remainingStatus(db, volumeId);
  const { status, migration_status } = volume;
  // A migration or an upload that is under way sets the volume's status itself.
  const free = (!migration_status && status !== 'uploading') || ['success', 'error'].includes(migration_status ?? '');
  const moves = attach_status !== 'detached' || free;
  await moveVolume(db, volume, { attach_status, status: moves ? statusFor(attach_status) : status });
  await removeMetadata(db, 'volume_admin_metadata', volumeId, 'attached_mode');
}

async function destroy(db: Kysely<Schema>, id: string): Promise<boolean> {
  const now = utcNow();
  const { numUpdatedRows } = await db
    .updateTable('volume_attachment')
    .set(encode('volume_attachment', { attach_status: 'deleted', ...buried(now) }))
    .where('id', '=', id)
    .where('deleted', '=', false)
    .executeTakeFirst();
  await db
    .updateTable('attachment_specs')
    .set(encode('attachment_specs', buried(now)))
    .where('attachment_id', '=', id)
    .where('deleted', '=', false)
    .execute();
  return numUpdatedRows > 0n;
}

/** The first in the alphabet: attached, attaching, detaching, reserved. Attachments in error count for nothing. */
async function remainingStatus(db: Kysely<Schema>, volumeId: string): Promise<string> {
  const rows = await db
    .selectFrom('volume_attachment')
    .select('attach_status')
    .where('volume_id', '=', volumeId)
    .where('deleted', '=', false)
    .execute();
  const statuses = rows
    .flatMap(({ attach_status }) => attach_status ?? [])
    .filter((word) => !word.startsWith('error_'));
  return statuses.sort()[0] ?? 'detached';
}

function statusFor(attachStatus: string): string {
  if (attachStatus === 'attached') return 'in-use';
  return attachStatus === 'detached' ? 'available' : attachStatus;
}

type Volume = Pick<Selectable<Schema['volumes']>, 'id' | 'status' | 'attach_status' | 'migration_status'>;

async function volumeOf(db: Kysely<Schema>, volume_id: string): Promise<Volume> {
  const query = db
    .selectFrom('volumes')
    .select(['id', 'status', 'attach_status', 'migration_status'])
    .where('id', '=', volume_id)
    .where('deleted', '=', false);
  const row = await locked(db, query).executeTakeFirst();
  if (row === undefined) throw new VolumeNotFound({ volume_id });
  return row;
}

/** Writes only what differs, as upstream's object would: a volume that stays as it is keeps its `updated_at`. */
async function moveVolume(
  db: Kysely<Schema>,
  volume: Volume,
  to: Pick<Volume, 'status' | 'attach_status'>,
): Promise<void> {
  if (volume.status === to.status && volume.attach_status === to.attach_status) return;
  await db
    .updateTable('volumes')
    .set(encode('volumes', { ...to, ...touched() }))
    .where('id', '=', volume.id)
    .where('deleted', '=', false)
    .execute();
}

async function update(db: Kysely<Schema>, id: string, changes: Partial<Row>): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('volume_attachment')
    .set(encode('volume_attachment', { ...changes, ...touched() }))
    .where('id', '=', id)
    .where('deleted', '=', false)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

function find(db: Kysely<Schema>, id: string): Promise<Row | undefined> {
  return db
    .selectFrom('volume_attachment')
    .selectAll()
    .where('id', '=', id)
    .where('deleted', '=', false)
    .executeTakeFirst();
}

/** The two dictionaries as JSON text. Null changes nothing, as in upstream's save (objects.md §9). */
function withTexts<C extends AttachmentChanges>({ connection_info, connector, ...columns }: C) {
  return {
    ...columns,
    ...(connection_info ? { connection_info: JSON.stringify(connection_info) } : {}),
    ...(connector ? { connector: JSON.stringify(connector) } : {}),
  };
}

function toAttachment(row: Row): VolumeAttachment {
  return {
    ...row,
    attach_status: row.attach_status as VolumeAttachment['attach_status'],
    connection_info: parsed(row, 'connection_info'),
    connector: parsed(row, 'connector'),
  };
}

function parsed(row: Row, column: 'connection_info' | 'connector'): Readonly<Record<string, unknown>> | null {
  const text = row[column];
  if (text === null || text === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || isRecord(value)) return value;
  } catch {
    // Said below, without the text: it holds secrets.
  }
  throw new DatabaseError('refused', `volume_attachment.${column} of attachment ${row.id} is no JSON dictionary`);
}
