import { DatabaseError } from '../interface/database.ts';
import type { Engine } from './access.ts';
import type { DatabaseUrl } from './url.ts';

type Open = (url: DatabaseUrl, create: boolean, signal?: AbortSignal) => Promise<Engine>;

/** The kinds of database by what their URL starts with. Each brings its client only when a URL asks for it. */
const engines: Readonly<Record<string, () => Promise<Open>>> = {
  sqlite: async () => (await import('./sqlite-engine.ts')).openSqlite,
};

/** Databases that Cinder runs on and we do not yet. */
const others: readonly string[] = ['mysql', 'mariadb', 'postgresql', 'postgres'];

/** Opens the database of a URL. `create` makes a missing file. Rejects with a DatabaseError. */
export async function openEngine(url: DatabaseUrl, create: boolean, signal?: AbortSignal): Promise<Engine> {
  const load = Object.hasOwn(engines, url.backend) ? engines[url.backend] : undefined;
  if (load === undefined) throw unknown(url);
  const open = await load();
  return open(url, create, signal);
}

/** True for a database whose tables `cinder-manage db sync` makes, and we do not. */
export function isServer(url: DatabaseUrl): boolean {
  return others.includes(url.backend);
}

function unknown(url: DatabaseUrl): DatabaseError {
  const setting = `[database] connection = ${url.masked}`;
  if (!isServer(url)) {
    return new DatabaseError(
      'refused',
      `${setting}: there is no database '${url.backend}'; expected sqlite:////path/to/file`,
    );
  }
  return new DatabaseError(
    'refused',
    `${setting}: this version keeps its tables in SQLite only; set connection = sqlite:////path/to/file, ` +
      `or run cinder's own cinder-volume on this database until MariaDB and PostgreSQL are supported`,
  );
}
