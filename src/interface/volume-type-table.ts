import type { QosSpecs, VolumeType } from '../objects/volume-type.ts';

export interface VolumeTypeTable {
  /** Deleted types are found as well: their names stand in quota resources (database.md §7.1). */
  get(id: string): Promise<VolumeType | undefined>;
  /** The type that a volume without one gets (`__DEFAULT__`). */
  default(): Promise<VolumeType>;
  /** How volumes of a type are encrypted, by column; undefined where they are not. */
  encryption(id: string): Promise<Readonly<Record<string, string | null>> | undefined>;
  qosSpecs(id: string): Promise<QosSpecs | undefined>;
}
