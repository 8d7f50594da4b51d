import type { Tables } from '../interface/database.ts';
import type { Access } from './access.ts';
import { attachmentTable } from './attachments.ts';
import { backupTable } from './backups.ts';
import { groupSnapshotTable } from './group-snapshots.ts';
import { groupTable } from './groups.ts';
import { imageCacheTable } from './image-cache.ts';
import { messageTable } from './messages.ts';
import type { TableOptions } from './options.ts';
import { quotaTable } from './quotas.ts';
import { serviceTable } from './services.ts';
import { snapshotTable } from './snapshots.ts';
import { volumeTypeTable } from './volume-types.ts';
import { volumeTable } from './volumes.ts';
import { workerTable } from './workers.ts';

/** All tables behind one way to reach them: the database itself, or a transaction in it. */
export function tablesOn(access: Access, options: TableOptions): Tables {
  const { default_volume_type, message_ttl } = options;
  return {
    services: serviceTable(access),
    volumes: volumeTable(access, default_volume_type),
    snapshots: snapshotTable(access, default_volume_type),
    attachments: attachmentTable(access),
    backups: backupTable(access),
    groups: groupTable(access),
    groupSnapshots: groupSnapshotTable(access),
    workers: workerTable(access),
    quotas: quotaTable(access, options),
    messages: messageTable(access, message_ttl),
    imageCache: imageCacheTable(access),
    volumeTypes: volumeTypeTable(access, default_volume_type),
  };
}
