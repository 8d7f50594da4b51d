/** Columns that the database keeps by itself. */
export type Stamps = 'created_at' | 'updated_at' | 'deleted_at' | 'deleted';

/** A page of rows in the order of their ids: what comes behind `after`, `limit` rows at most. */
export interface Page {
  readonly after?: string;
  readonly limit: number;
}
