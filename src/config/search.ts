import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What a path is made absolute with, and what the search path is made of. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The user's home, where `HOME` does not say another. */
  readonly home: string;
  readonly cwd: string;
}

/** The folders in which configuration is looked for, the first first (C-001). */
export function searchPath(where: Surroundings): string[] {
  const { SNAP_COMMON: common, SNAP: snap } = where.environment;
  const home = homeOf(where);
  const packaged = [common, snap].flatMap((root) => (root ? [join(root, 'etc/cinder')] : []));
  return [join(home, '.cinder'), home, '/etc/cinder', '/etc', ...packaged];
}

/** The first existing file or folder of each name: `cinder` and `cinder-volume` with an extension (C-001, C-002). */
export function findDefaults(folders: readonly string[], extension: '.conf' | '.conf.d'): string[] {
  return ['cinder', 'cinder-volume'].flatMap((name) => {
    const found = folders.map((folder) => join(folder, `${name}${extension}`)).find((path) => existsSync(path));
    return found === undefined ? [] : [found];
  });
}

/** `~` expanded, absolute (C-006). */
export function absolute(path: string, where: Surroundings): string {
  const expanded = path === '~' || path.startsWith('~/') ? `${homeOf(where)}${path.slice(1)}` : path;
  return resolve(where.cwd, expanded);
}

/** The files of a folder that count, in byte order of their names (C-003). Throws what reading the folder throws. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.conf') && !entry.name.startsWith('.') && !entry.isDirectory())
    .map((entry) => entry.name)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((name) => join(folder, name));
}

function homeOf({ environment, home }: Surroundings): string {
  return environment['HOME'] || home;
}
