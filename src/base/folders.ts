import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and what is missing above it, with `mode`. Throws what the file system says where that cannot be; one that
 * is there already is left as it is. Node's own recursive form never ends where a parent exists and still nothing can be made
 * in it, as below /proc.
 */
export function makeFolderSync(path: string, mode: number): void {
  if (isFolder(path)) return;
  makeFolderSync(dirname(path), mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    // Several workers start at once: another one may have made it.
    if (!isFolder(path)) throw error;
  }
}

/** The same without blocking: the parent may be on a server that does not answer. */
export async function makeFolder(path: string, mode: number): Promise<void> {
  if (await isFolderThere(path)) return;
  await makeFolder(dirname(path), mode);
  try {
    await mkdir(path, mode);
  } catch (error) {
    if (!(await isFolderThere(path))) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isFolderThere(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
