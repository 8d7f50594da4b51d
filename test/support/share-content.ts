import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { activeFile, infoOf, textsAt } from './nfs-share.ts';

const MiB = 2 ** 20;

/** Places at the beginning, in the middle and at the end of a volume of one GiB. */
const places = [0, MiB, 700 * MiB, 1024 * MiB - 512];

/** Writes a word of six letters into a raw file, as a guest would. */
export function writeWord(path: string, word: string): void {
  const file = openSync(path, 'r+');
  for (const place of places) writeSync(file, word, place);
  closeSync(file);
}

/** The words that a volume holds, through its whole chain of files. */
export function wordsOf(folder: string, name: string): string {
  return textsAt(activeFile(folder, name), places);
}

export function wordsWritten(word: string): string {
  return places.map(() => word).join(' ');
}

/** In GiB, as a host would see it. */
export function sizeOfVolume(folder: string, name: string): number {
  return Number(infoOf(activeFile(folder, name))['virtual-size']) / 2 ** 30;
}

/** Copies a file with its holes. */
export function keepCopy(path: string, copy: string): void {
  execFileSync('cp', ['--sparse=always', path, copy]);
}

/** Throws where two raw files differ in a single byte. */
export function requireSame(one: string, other: string): void {
  execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', one, other], { stdio: 'pipe' });
}
