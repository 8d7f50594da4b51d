import { DatabaseError } from '../interface/database.ts';
import type { Access } from './access.ts';

/** What goes to a database and has not come back, and how much of it came back as an error of the database (O-16). */
interface Load {
  readonly inUse: number;
  readonly errors: number;
}

/** The same access, whose use is counted. */
export function countedAccess(access: Access): Access & { readonly load: Load } {
  const load = { inUse: 0, errors: 0 };
  const count = async <T>(work: Promise<T>): Promise<T> => {
    load.inUse++;
    try {
      return await work;
    } catch (error) {
      if (error instanceof DatabaseError) load.errors++;
      throw error;
    } finally {
      load.inUse--;
    }
  };
  return {
    load,
    read: (work) => count(access.read(work)),
    write: (work) => count(access.write(work)),
  };
}
