import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Something that is mounted in our view of the file system. */
export interface Mount {
  readonly device: string;
  readonly point: string;
}

/** What is mounted now. Read from the kernel: no server is asked. */
export async function mounts(): Promise<readonly Mount[]> {
  return parseMounts(await readFile('/proc/self/mounts', 'utf8'));
}

/** Lines `device point ...`; the kernel spells blanks and the like as `\040`. */
export function parseMounts(text: string): readonly Mount[] {
  const plain = (word: string): string =>
    word.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return text
    .split('\n')
    .map((line) => line.split(' ').map(plain))
    .flatMap(([device = '', point = '']) => (point === '' ? [] : [{ device, point }]));
}

/** Where upstream and os-brick mount the share `host:/path` below a folder (S-13). */
export function sharePoint(base: string, share: string): string {
  return join(base, createHash('md5').update(share, 'utf8').digest('hex'));
}
