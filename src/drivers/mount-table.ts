import { readFile } from 'node:fs/promises';

/** Where something is mounted in our view of the file system. Read from the kernel: no server is asked. */
export async function mountPoints(): Promise<ReadonlySet<string>> {
  return parseMounts(await readFile('/proc/self/mounts', 'utf8'));
}

/** The kernel spells blanks and the like as `\040`. */
export function parseMounts(text: string): ReadonlySet<string> {
  const points = text.split('\n').map((line) => line.split(' ')[1] ?? '');
  const plain = (point: string): string =>
    point.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return new Set(points.filter((point) => point !== '').map(plain));
}
