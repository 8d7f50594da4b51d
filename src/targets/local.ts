import type { TargetDriver } from '../interface/target-driver.ts';

/** No export at all: whoever wants the volume stands on this machine and opens its path (`local`, storage.md §2.3). */
export function createLocalTarget(): TargetDriver {
  return {
    protocol: 'local',
    async check() {},
    async ensureExport() {},
    createExport: async (_volume, path) => ({ provider_location: path, provider_auth: null }),
    async removeExport() {},
    validateConnector() {},
    initializeConnection: async (volume, path) => ({
      driver_volume_type: 'local',
      data: { device_path: path, volume_id: volume.id },
    }),
    async terminateConnection() {},
    async extendTarget() {},
    async close() {},
  };
}
