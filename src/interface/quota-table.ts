/** Changes of usage by resource name, such as `volumes` and `gigabytes_gold` (database.md §7.1). */
export type QuotaDeltas = Readonly<Record<string, number>>;

/** Quota arithmetic of database.md §7. */
export interface QuotaTable {
  /**
   * Resolves to the uuids of the reservations. Deltas below zero never fail on a limit; above it, OverQuota is thrown.
   * `quotaClass` is the context's, where the context is of this project. Throws QuotaResourceUnknown.
   */
  reserve(deltas: QuotaDeltas, projectId: string, quotaClass?: string | null): Promise<readonly string[]>;
  /** The limit of one resource (database.md §7.2); -1 is none. */
  limit(resource: string, projectId: string, quotaClass?: string | null): Promise<number>;
  /** Unknown and expired reservations are passed over. */
  commit(reservations: readonly string[], projectId: string): Promise<void>;
  rollback(reservations: readonly string[], projectId: string): Promise<void>;
}
