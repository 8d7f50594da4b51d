import type { BackendSection } from '../config/backend-section.ts';
import type { Configuration } from '../config/load.ts';
import { coordinationOptions } from '../coordination/options.ts';
import { notificationOptions, rabbitOptions, routingOptions, rpcOptions } from '../messaging/options.ts';
import { transportUrlOf } from '../messaging/transport-url.ts';
import { backendOptions, managerOptions, recoveryOptions, type VolumeSettings } from '../volume/options.ts';

export const rpcGroup = { group: 'DEFAULT', options: rpcOptions } as const;
export const rabbitGroup = { group: 'oslo_messaging_rabbit', options: rabbitOptions } as const;
export const notificationGroup = { group: 'oslo_messaging_notifications', options: notificationOptions } as const;
export const routingGroup = { group: 'DEFAULT', options: routingOptions } as const;
export const coordinationGroup = { group: 'coordination', options: coordinationOptions } as const;

/** Whether the broker is our own: the machine then serves itself, and is nobody's cloud. */
export function isEmbedded(configuration: Configuration): boolean {
  return transportUrlOf(configuration.values(rpcGroup)).kind === 'embedded';
}

/** The section of an enabled backend. */
export function sectionOf(configuration: Configuration, backend: string): BackendSection {
  const section = configuration.backend(backend);
  if (section === undefined) throw new Error(`no [${backend}] among the enabled backends`);
  return section;
}

/** What operations read. Throws ConfigurationError for a value of the section that cannot be used. */
export function volumeSettings(configuration: Configuration, backend: string): VolumeSettings {
  return {
    ...configuration.values({ group: 'DEFAULT', options: managerOptions }),
    ...configuration.values({ group: 'volume_daemon', options: recoveryOptions }),
    ...sectionOf(configuration, backend).values(backendOptions),
  };
}
