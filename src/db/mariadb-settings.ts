import { DatabaseError } from '../interface/database.ts';
import type { DatabaseUrl } from './url.ts';
import { fileOf, flagOf } from './url-query.ts';

/** Where a MariaDB or MySQL server is and how one logs in. */
export interface MariadbSettings {
  /** A path where the URL names a socket. */
  readonly address: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly login: { readonly user?: string; readonly password?: string; readonly database?: string };
  readonly ssl?: TlsSettings;
}

/** The certificates, and what is checked of the server's. */
type TlsSettings = { readonly rejectUnauthorized: boolean; readonly verifyIdentity: boolean } & {
  readonly [N in 'ca' | 'cert' | 'key' | 'ciphers' | 'passphrase']?: string;
};

/**
 * What the arguments of a URL mean to PyMySQL, mysqlclient and MySQL Connector: `unix_socket`, `ssl_ca`, `ssl_cert`,
 * `ssl_key`, `ssl_key_password`, `ssl_cipher`, `ssl_check_hostname`, `ssl_verify_cert`, `ssl_verify_identity`,
 * `ssl_disabled`, `ssl_mode`. As with PyMySQL a CA means that the server's certificate and name are checked. `charset` says
 * how text travels, which is always UTF-8 here. Throws a DatabaseError.
 */
export async function mariadbSettings(url: DatabaseUrl): Promise<MariadbSettings> {
  const { query, username, password, database } = url;
  const socket = query.get('unix_socket');
  const ssl = await sslOf(url);
  return {
    address: socket ? { path: socket } : { host: url.host ?? '127.0.0.1', port: url.port ?? 3306 },
    login: {
      ...(username === undefined ? {} : { user: username }),
      ...(password === undefined ? {} : { password }),
      ...(database === '' ? {} : { database }),
    },
    ...(ssl === undefined ? {} : { ssl }),
  };
}

const modes = ['', 'DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'];

async function sslOf(url: DatabaseUrl): Promise<TlsSettings | undefined> {
  const { query, masked } = url;
  const mode = query.get('ssl_mode')?.toUpperCase() ?? '';
  if (!modes.includes(mode)) {
    throw new DatabaseError(
      'refused',
      `[database] connection = ${masked}: ssl_mode is one of ${modes.slice(1).join(', ')}, not '${mode}'`,
    );
  }
  const [ca, cert, key] = await Promise.all(['ssl_ca', 'ssl_cert', 'ssl_key'].map((name) => fileOf(url, name)));
  const cipher = query.get('ssl_cipher');
  const passphrase = query.get('ssl_key_password');
  const verifyCert = flagOf(url, 'ssl_verify_cert') ?? (ca !== undefined || mode.startsWith('VERIFY'));
  const verifyIdentity = flagOf(url, 'ssl_verify_identity') ?? mode === 'VERIFY_IDENTITY';
  const isAsked = [ca, cert, key, cipher].some((part) => part !== undefined) || verifyCert || verifyIdentity;
  const isOff = flagOf(url, 'ssl_disabled') || mode === 'DISABLED';
  if (isOff || !(isAsked || flagOf(url, 'ssl') || mode === 'REQUIRED')) return undefined;
  const checksName = flagOf(url, 'ssl_check_hostname') ?? (ca !== undefined && mode !== 'VERIFY_CA');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(cipher === undefined ? {} : { ciphers: cipher }),
    ...(passphrase === undefined ? {} : { passphrase }),
    rejectUnauthorized: verifyCert || verifyIdentity,
    verifyIdentity: verifyIdentity || (verifyCert && checksName),
  };
}
