import { isAbsolute } from 'node:path';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { DatabaseError } from '../interface/database.ts';
import type { DatabaseUrl } from './url.ts';
import { fileOf } from './url-query.ts';

/** Where a PostgreSQL server is and how one logs in. */
export interface PostgresSettings {
  /** A folder where the server's socket is in one. */
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly applicationName: string;
  /** Ways to secure the connection, in the order in which they are tried; false is none. */
  readonly ssl: readonly (ConnectionOptions | false)[];
}

/**
 * What the arguments of a URL mean to psycopg2: `host` (a name, or the folder of a socket), `port`, `user`, `password`,
 * `dbname`, `application_name`, `sslmode`, `sslrootcert`, `sslcert`, `sslkey`. As with libpq `sslmode=prefer` is preset, and
 * certificates are checked from `verify-ca` on. Throws a DatabaseError.
 */
export async function postgresSettings(url: DatabaseUrl): Promise<PostgresSettings> {
  const { query } = url;
  const user = url.username ?? query.get('user');
  const password = url.password ?? query.get('password');
  const database = url.database || query.get('dbname');
  return {
    host: url.host ?? query.get('host') ?? '127.0.0.1',
    port: url.port ?? Number(query.get('port') ?? 5432),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    applicationName: query.get('application_name') ?? 'cinder-volume',
    ssl: await sslOf(url),
  };
}

async function sslOf(url: DatabaseUrl): Promise<readonly (ConnectionOptions | false)[]> {
  const { query, masked } = url;
  const host = url.host ?? query.get('host') ?? '127.0.0.1';
  if (isAbsolute(host)) return [false];
  const mode = query.get('sslmode') ?? 'prefer';
  const [ca, cert, key] = await Promise.all(['sslrootcert', 'sslcert', 'sslkey'].map((name) => fileOf(url, name)));
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const unchecked = { ...files, rejectUnauthorized: false };
  const checkedBy = (check: ConnectionOptions['checkServerIdentity']): ConnectionOptions => ({
    ...files,
    rejectUnauthorized: true,
    checkServerIdentity: check,
  });
  switch (mode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, unchecked];
    case 'prefer':
      return [unchecked, false];
    case 'require':
      return [ca === undefined ? unchecked : checkedBy(() => undefined)];
    case 'verify-ca':
      return [checkedBy(() => undefined)];
    case 'verify-full':
      return [checkedBy((_name, certificate) => checkServerIdentity(host, certificate))];
    default:
      throw new DatabaseError(
        'refused',
        `[database] connection = ${masked}: sslmode is one of disable, allow, prefer, require, verify-ca, verify-full, not '${mode}'`,
      );
  }
}
