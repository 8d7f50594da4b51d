import type { Database } from '../interface/database.ts';
import type { DriverRecords } from '../interface/driver-records.ts';

/** What a driver may ask of the rows. It is made before the database is open, and asked afterwards only. */
export function driverRecords(database: () => Database): DriverRecords {
  return {
    async isNewInstallation() {
      return (await database().volumes.list({ limit: 1 })).length === 0;
    },
    async snapshotState(id) {
      return database().snapshots.get(id);
    },
    async setVolumeFormat(volumeId, format) {
      await database().volumes.setAdminMetadata(volumeId, 'format', format);
    },
    async setConnectedFile(volumeId, file) {
      const { attachments } = database();
      for (const { id, connection_info } of await attachments.ofVolume(volumeId)) {
        if (connection_info != null)
          await attachments.update(id, { connection_info: { ...connection_info, name: file } });
      }
    },
  };
}
