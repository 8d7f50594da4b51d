import type { ConnectionInfo, Connector } from '../interface/volume-driver.ts';
import { InvalidConnectorException, VolumeBackendAPIException } from '../objects/exceptions.ts';
import type { Volume } from '../objects/volume.ts';
import { chapOf } from './chap.ts';

/** Where a target is reached: `ip:port`, an IPv6 address in brackets. */
export function portal(address: string, port: number): string {
  return address.includes(':') && !address.startsWith('[') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `provider_location` of an iSCSI export (storage.md §2.2). Throws when it does not fit its column (S-22). */
export function iscsiLocation(portals: readonly string[], tid: number, iqn: string, lun: number): string {
  const location = `${portals.join(';')},${tid} ${iqn} ${lun}`;
  if (location.length <= 256) return location;
  throw new VolumeBackendAPIException({
    data: `provider_location of ${iqn} would have ${location.length} characters, 256 fit: use fewer portal addresses`,
  });
}

interface Location {
  readonly portals: readonly string[];
  readonly iqn: string;
  readonly lun: number;
}

function locationOf(volume: Volume): Location {
  const match = /^([^,\s]+),\d+ (\S+) (\d+)$/.exec(volume.provider_location ?? '');
  const [, portals, iqn, lun] = match ?? [];
  if (portals === undefined || iqn === undefined) {
    const found = volume.provider_location ?? 'nothing';
    throw new VolumeBackendAPIException({
      data: `volume ${volume.id} has no iSCSI export: provider_location is ${found}`,
    });
  }
  return { portals: portals.split(';'), iqn, lun: Number(lun) };
}

/** How a host reaches the export that the volume's row tells of (storage.md §2.3). */
export function iscsiConnection(volume: Volume, connector: Connector): ConnectionInfo {
  const { portals, iqn, lun } = locationOf(volume);
  const chap = chapOf(volume.provider_auth);
  const [physical, logical] = (volume.provider_geometry ?? '').split(' ');
  return {
    driver_volume_type: 'iscsi',
    data: {
      target_discovered: false,
      target_portal: portals[0],
      target_iqn: iqn,
      target_lun: lun,
      ...((portals.length > 1 || connector['multipath'] === true) && {
        target_portals: portals,
        target_iqns: portals.map(() => iqn),
        target_luns: portals.map(() => lun),
      }),
      volume_id: volume.id,
      ...(chap && { auth_method: 'CHAP', auth_username: chap.user, auth_password: chap.password }),
      encrypted: volume.encryption_key_id !== null,
      ...(physical && logical && { physical_block_size: physical, logical_block_size: logical }),
    },
  };
}

/** The initiator's name in a connector. Throws InvalidConnectorException where there is none that could be one. */
export function initiatorOf(connector: Connector): string {
  const { initiator } = connector;
  if (typeof initiator === 'string' && /^[\w.:+-]{1,223}$/.test(initiator)) return initiator;
  throw new InvalidConnectorException({ missing: 'initiator' });
}
