import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Naming } from '../../src/interface/naming.ts';
import type { Volume } from '../../src/objects/volume.ts';
import type { BackendData } from '../conformance/volume-driver.ts';

/** What stands in the folder of a file driver. */
export function fileData(folder: string, naming: Naming): BackendData {
  const fileOf = (volume: Volume): string => join(folder, naming.volume(volume));
  const sizeOf = (file: string): Promise<number | undefined> =>
    stat(file).then(
      ({ size }) => size,
      () => undefined,
    );
  return {
    async read(volume, offset, length) {
      const handle = await open(fileOf(volume), 'r');
      try {
        return (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
      } finally {
        await handle.close();
      }
    },
    async write(volume, offset, bytes) {
      const handle = await open(fileOf(volume), 'r+');
      try {
        await handle.write(bytes, 0, bytes.length, offset);
      } finally {
        await handle.close();
      }
    },
    size: (volume) => sizeOf(fileOf(volume)),
    snapshotSize: (snapshot) => sizeOf(join(folder, naming.snapshot(snapshot))),
    leftOvers: async () => (await readdir(folder)).filter((name) => !name.startsWith('.volume-daemon.lock')),
  };
}
