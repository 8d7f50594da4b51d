import type { VolumeType } from '../objects/volume-type.ts';
import type { TypeDifference } from './type-difference.ts';

/** Where a volume is to go, as the scheduler chose it. */
export interface DestinationHost {
  readonly host: string;
  readonly cluster_name: string | null;
  readonly capabilities: Readonly<Record<string, unknown>>;
}

export interface MigrationRequest {
  readonly host: DestinationHost;
  readonly forceCopy: boolean;
  /** The type that the volume has afterwards, where that changes. */
  readonly newType?: VolumeType;
  readonly difference?: TypeDifference;
}
