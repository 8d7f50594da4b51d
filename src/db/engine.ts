import { DatabaseError } from '../interface/database.ts';
import type { Engine, EngineOpening } from './access.ts';
import type { DatabaseUrl } from './url.ts';

/** A kind of database: the Python drivers that a URL may name, and what opens it. */
interface Kind {
  readonly drivers: readonly string[];
  readonly isServer: boolean;
  /** Brings the client, which is loaded only when a URL asks for it. */
  readonly load: () => Promise<(url: DatabaseUrl, opening: EngineOpening) => Promise<Engine>>;
}

const mariadb: Kind = {
  drivers: ['pymysql', 'mysqldb', 'mysqlconnector'],
  isServer: true,
  load: async () => (await import('./mariadb.ts')).openMariadb,
};

/** The kinds of database by what their URL starts with. */
const kinds: Readonly<Record<string, Kind>> = {
  sqlite: {
    drivers: ['pysqlite'],
    isServer: false,
    load: async () => (await import('./sqlite-engine.ts')).openSqlite,
  },
  mysql: mariadb,
  mariadb,
  postgresql: {
    drivers: ['psycopg2', 'psycopg'],
    isServer: true,
    load: async () => (await import('./postgres.ts')).openPostgres,
  },
};

/** Opens the database of a URL. Rejects with a DatabaseError. */
export async function openEngine(url: DatabaseUrl, opening: EngineOpening): Promise<Engine> {
  const open = await kindOf(url).load();
  return open(url, opening);
}

/** True for a database whose tables `cinder-manage db sync` makes, and we do not. Throws where there is no such database. */
export function isServer(url: DatabaseUrl): boolean {
  return kindOf(url).isServer;
}

function kindOf({ backend, driver, masked }: DatabaseUrl): Kind {
  const kind = Object.hasOwn(kinds, backend) ? kinds[backend] : undefined;
  const forms =
    'mysql+pymysql://user:password@host/cinder, postgresql://user:password@host/cinder or sqlite:////path/to/file';
  if (kind === undefined) {
    throw new DatabaseError(
      'refused',
      `[database] connection = ${masked}: there is no database '${backend}'; expected ${forms}`,
    );
  }
  if (driver !== undefined && !kind.drivers.includes(driver)) {
    throw new DatabaseError(
      'refused',
      `[database] connection = ${masked}: '${driver}' is no driver of '${backend}'; expected ${kind.drivers.join(', ')}, or none`,
    );
  }
  return kind;
}
