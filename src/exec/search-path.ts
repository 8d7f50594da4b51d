import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';

const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** `PATH` and, behind it, the system's own folders: an ordinary user's PATH lacks those where storage tools stand. */
export function searchPath(path: string | undefined): string {
  const given = (path ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return [...new Set([...given, ...systemFolders])].join(':');
}

/** The first executable file of that name on a search path. A name with a slash is itself the place. */
export async function findProgram(file: string, path: string): Promise<string | undefined> {
  const places = file.includes('/') ? [file] : path.split(':').map((folder) => join(folder, file));
  for (const place of places) {
    if (await isProgram(place)) return place;
  }
  return undefined;
}

async function isProgram(place: string): Promise<boolean> {
  try {
    await access(place, constants.X_OK);
    return (await stat(place)).isFile();
  } catch {
    return false;
  }
}
