import type { VolumeManager } from '../../src/volume/manager.ts';

/** Services that nobody is to ask: a test that does brings its own. */
export function paperServices(): Pick<VolumeManager, 'images' | 'imageFiles' | 'compute'> {
  const none = async (): Promise<never> => {
    throw new Error('there is no such service in this test');
  };
  return {
    images: { show: none, download: none, upload: none, addLocation: none, remove: none },
    imageFiles: {
      checkRoom: none,
      withFile: none,
      checkConversion: () => {},
      inspect: none,
      writeToVolume: none,
      makeFromVolume: none,
      sweep: async () => {},
    },
    compute: { tellServers: none, swapVolume: none },
  };
}
