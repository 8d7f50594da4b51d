import type { TargetDriver } from '../../src/interface/target-driver.ts';

export interface RecordingTarget extends TargetDriver {
  readonly calls: string[];
}

/** A target driver that notes what it is asked: `method path` or `method initiator`. */
export function aTarget(given: Partial<TargetDriver> = {}): RecordingTarget {
  const calls: string[] = [];
  return {
    calls,
    protocol: 'iSCSI',
    async check() {},
    async ensureExport(_volume, path) {
      calls.push(`ensureExport ${path}`);
    },
    async createExport(_volume, path) {
      calls.push(`createExport ${path}`);
      return { provider_location: 'somewhere', provider_auth: 'CHAP me secret' };
    },
    async removeExport() {
      calls.push('removeExport');
    },
    validateConnector() {},
    async initializeConnection(_volume, path) {
      calls.push(`initializeConnection ${path}`);
      return { driver_volume_type: 'iscsi', data: {} };
    },
    async terminateConnection(_volume, connector) {
      calls.push(`terminateConnection ${connector?.['initiator'] ?? 'all'}`);
    },
    async extendTarget(_volume, path) {
      calls.push(`extendTarget ${path}`);
    },
    async close() {},
    ...given,
  };
}
