import { DatabaseError } from '../interface/database.ts';

/** A database URL in SQLAlchemy's grammar (config.md §12.3), in its parts. */
export interface DatabaseUrl {
  /** `sqlite`, `mysql`, `postgresql`: what stands before `://` or `+`. */
  readonly backend: string;
  /** The Python driver behind the `+`. */
  readonly driver?: string;
  readonly username?: string;
  readonly password?: string;
  readonly host?: string;
  readonly port?: number;
  /** What follows the slash: a file for SQLite, where a second slash makes it absolute. */
  readonly database: string;
  readonly query: ReadonlyMap<string, string>;
  /** The whole of it, fit to be shown: the password is `***`. */
  readonly masked: string;
}

const form =
  /^(?<backend>\w+)(?:\+(?<driver>\w+))?:\/\/(?:(?<username>[^:/]*)(?::(?<password>[^@]*))?@)?(?:\[(?<ipv6>[^/?]+)\]|(?<ipv4>[^/:?]+))?(?::(?<port>\d*))?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

/**
 * Takes a URL apart; `parameters` is `[database] connection_parameters`, more of its query string. User name and password
 * are percent-encoded, the file of SQLite is not. Throws a DatabaseError that shows no password.
 */
export function parseDatabaseUrl(text: string, parameters = ''): DatabaseUrl {
  const parts = form.exec(text)?.groups;
  if (parts === undefined) {
    throw new DatabaseError(
      'refused',
      `[database] connection = ${text.replace(/:.*@/s, ':***@')} is no database URL; ` +
        `expected the form sqlite:////var/lib/cinder/cinder.sqlite or mysql+pymysql://user:password@host/cinder`,
    );
  }
  const { backend = '', driver, username, password, ipv6, ipv4, port, database = '', query = '' } = parts;
  const host = ipv6 ?? ipv4;
  return {
    backend: backend.toLowerCase(),
    database,
    query: new Map([...new URLSearchParams(query), ...new URLSearchParams(parameters)]),
    masked: withoutPassword(text),
    ...(driver === undefined ? {} : { driver: driver.toLowerCase() }),
    ...(username === undefined ? {} : { username: unquoted(username) }),
    ...(password === undefined ? {} : { password: unquoted(password) }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined || port === '' ? {} : { port: Number(port) }),
  };
}

/** Everything between the first colon of the login and the last `@` goes, so also where the rest makes no sense. */
function withoutPassword(text: string): string {
  return text.replace(/(:\/\/[^:/]*):.*@/s, '$1:***@').replace(/([?&]\w*passw\w*=)[^&]*/gi, '$1***');
}

function unquoted(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
