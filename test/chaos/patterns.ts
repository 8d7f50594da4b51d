import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** Where volumes have their marks: some near the beginning, one far behind holes. */
const offsets = [0, 65_536, 3 * 2 ** 20, 700 * 2 ** 20 + 4096];

const length = 4096;

/** What a volume or snapshot must hold: the seed of its marks; undefined where it was never written to. */
export type Content = string | undefined;

/** Writes the marks of a seed into a volume's file. */
export async function writeMarks(file: string, seed: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    for (const offset of offsets) await handle.write(marks(seed, offset), 0, length, offset);
  } finally {
    await handle.close();
  }
}

/** Says what is wrong with what a file holds; undefined where it holds what it must. */
export async function faultOf(file: string, content: Content): Promise<string | undefined> {
  const handle = await open(file, 'r');
  try {
    for (const offset of offsets) {
      const found = Buffer.alloc(length);
      await handle.read(found, 0, length, offset);
      const wanted = content === undefined ? Buffer.alloc(length) : marks(content, offset);
      if (!found.equals(wanted)) return `holds other data at ${offset} than ${content ?? 'zeros'}`;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

function marks(seed: string, offset: number): Buffer {
  const block = createHash('sha256').update(`${seed} ${offset}`).digest();
  return Buffer.concat(Array.from({ length: length / block.length }, () => block));
}
