import type { Snapshot } from '../objects/snapshot.ts';
import { nameIdOf, type Volume } from '../objects/volume.ts';
import { type ReadOptions, str, type ValuesOf } from './options.ts';

/** Options of `[DEFAULT]` that say what things are called on a backend. */
export const namingOptions = {
  volume_name_template: str('volume-%s', 'Name of a volume on its backend; %s is its id'),
  snapshot_name_template: str('snapshot-%s', 'Name of a snapshot on its backend; %s is its id'),
};

/** What volumes and snapshots are called on their backend (S-15). */
export interface Naming {
  /** From `name_id`, which a generic migration may have set to another volume's id. */
  volume(volume: Pick<Volume, 'id' | '_name_id'>): string;
  snapshot(snapshot: Pick<Snapshot, 'id'>): string;
  /** The id in a name that a volume could bear; undefined for every other name. */
  volumeIdIn(name: string): string | undefined;
  snapshotIdIn(name: string): string | undefined;
}

/** Throws when a template cannot name anything: each needs exactly one `%s`, and becomes a file name. */
export function namingOf(read: ReadOptions): Naming {
  const values: ValuesOf<typeof namingOptions> = read(namingOptions);
  const volume = template('volume_name_template', values.volume_name_template);
  const snapshot = template('snapshot_name_template', values.snapshot_name_template);
  if (values.volume_name_template === values.snapshot_name_template) {
    throw new Error(
      'volume_name_template and snapshot_name_template are the same: a snapshot would replace its volume',
    );
  }
  return {
    volume: (row) => volume(nameIdOf(row)),
    snapshot: (row) => snapshot(row.id),
    volumeIdIn: (name) => idIn(name, volume),
    snapshotIdIn: (name) => idIn(name, snapshot),
  };
}

function idIn(name: string, named: (id: string) => string): string | undefined {
  const [id] = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(name) ?? [];
  return id !== undefined && named(id) === name ? id : undefined;
}

function template(option: string, text: string): (id: string) => string {
  const parts = text.split('%s');
  const [before, after] = parts;
  const plain = /^[\w.:+-]*$/;
  if (before === undefined || after === undefined || parts.length !== 2 || !plain.test(before) || !plain.test(after)) {
    throw new Error(
      `Value for option DEFAULT.${option} is not valid: '${text}'; expected one %s among letters, digits and . _ : + -`,
    );
  }
  if (before.startsWith('.') || before.startsWith('-')) {
    throw new Error(`Value for option DEFAULT.${option} is not valid: '${text}' begins with '${text[0]}'`);
  }
  return (id) => before + id + after;
}
