import { acceptedBackendOptions, acceptedGroups } from '../config/accepted/accepted.ts';
import type { Configuration } from '../config/load.ts';
import type { Schema } from '../config/schema.ts';
import { concurrencyOptions, coordinationOptions } from '../coordination/options.ts';
import { databaseGroup, tableGroup } from '../db/options.ts';
import { rootHelperOptions } from '../exec/root-helper.ts';
import { imageGroup } from '../image/options.ts';
import { daemonGroup, osBrickGroup, reportGroup, sectionOptions, serviceGroup } from '../interface/daemon-options.ts';
import { namingOptions } from '../interface/naming.ts';
import type { ReadOptions } from '../interface/options.ts';
import { type LogValues, loggingGroups, loggingOptions, ownLoggingOptions } from '../log/options.ts';
import { messagingOptions } from '../messaging/options.ts';
import { glanceGroup, novaGroup, serviceUserGroup } from '../openstack/options.ts';
import { targetOptions } from '../targets/options.ts';
import { backendOptions, volumeOptionGroups } from '../volume/options.ts';

/** Every option that the daemon knows: the tables stand in the rooms that read them. */
export const schema: Schema = {
  groups: [
    serviceGroup,
    daemonGroup,
    reportGroup,
    osBrickGroup,
    databaseGroup,
    tableGroup,
    { group: 'DEFAULT', options: namingOptions },
    { group: 'DEFAULT', options: rootHelperOptions },
    { group: 'coordination', options: coordinationOptions },
    { group: 'oslo_concurrency', options: concurrencyOptions },
    ...loggingGroups,
    ...messagingOptions,
    imageGroup,
    glanceGroup,
    serviceUserGroup,
    novaGroup,
    ...volumeOptionGroups,
    ...acceptedGroups,
  ],
  backend: [backendOptions, targetOptions, sectionOptions, ...acceptedBackendOptions],
};

/** What the log reads. */
export function logValuesOf(configuration: Configuration): LogValues {
  return {
    ...configuration.values({ group: 'DEFAULT', options: loggingOptions }),
    ...configuration.values({ group: 'volume_daemon', options: ownLoggingOptions }),
  };
}

/** A reader of one group, for rooms that bring their table along. */
export function readerOf(configuration: Configuration, group: string): ReadOptions {
  return (options) => configuration.values({ group, options });
}
