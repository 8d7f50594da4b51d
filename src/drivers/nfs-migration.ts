import { posix } from 'node:path';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';
import { nameIdOf, type Volume } from '../objects/volume.ts';
import type { NfsShares } from './nfs-shares.ts';
import type { RemoteFiles } from './remote-files.ts';

export interface MigrationParts {
  readonly shares: Pick<NfsShares, 'optionsOf' | 'mounted'>;
  readonly files: Pick<RemoteFiles, 'size' | 'renameNew'>;
  readonly nameOf: (volume: { readonly id: string }) => string;
}

/** What the row of a migrated volume says of its data. */
interface Whereabouts {
  readonly _name_id: string | null;
  readonly provider_location: string | null;
}

/**
 * Gives the file of a volume that was migrated to us the volume's own name, as upstream's driver does: not while a server
 * has it open, and not beside the source on one share. Repeated, or after a crash in the middle, the answer is the same
 * (S-17, R-05). Throws VolumeBackendAPIException where the files do not tell what was done.
 */
export async function nameAfterMigration(
  { shares, files, nameOf }: MigrationParts,
  volume: Volume,
  newVolume: Volume,
  status: string,
  signal: AbortSignal,
): Promise<Whereabouts> {
  const { _name_id, provider_location: from } = volume;
  const to = newVolume.provider_location;
  const isOurs = (share: string | null): boolean => share !== null && shares.optionsOf(share) !== undefined;
  // The rows have changed their places already: the new one says where the source is.
  if (_name_id === newVolume.id || to === null || !isOurs(to)) return { _name_id, provider_location: from };
  if (status !== 'available' || from === to) return { _name_id: nameIdOf(newVolume), provider_location: to };
  const { folder } = await shares.mounted(to, signal);
  const [made, wanted] = [newVolume, volume].map(({ id }) => posix.join(folder, nameOf({ id }))) as [string, string];
  const isThere = async (path: string): Promise<boolean> => (await files.size(path, signal)) !== undefined;
  if (await isThere(made)) await files.renameNew(made, wanted, signal);
  else if (isOurs(from) || !(await isThere(wanted))) {
    throw new VolumeBackendAPIException({ data: `there is no file ${made} for volume ${volume.id}` });
  }
  return { _name_id: null, provider_location: to };
}
