import { bool, nullable, string, time, uuid } from './versioned-object.ts';

/** Whose a resource is. */
export const ownedFields = {
  id: uuid,
  user_id: nullable(string),
  project_id: nullable(string),
};

/** The stamps that every row has (database.md §1.1). */
export const stampFields = {
  created_at: nullable(time),
  updated_at: nullable(time),
  deleted_at: nullable(time),
  deleted: nullable(bool),
};
