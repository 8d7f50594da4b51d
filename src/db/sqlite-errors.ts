import { messageOf } from '../base/errors.ts';
import { DatabaseError, type DatabaseErrorKind } from '../interface/database.ts';

/** SQLite's primary result codes, as far as they mean something to an operator. */
const code = {
  busy: 5,
  locked: 6,
  nomem: 7,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  constraint: 19,
  notadb: 26,
};

/** What an extended code adds: `SQLITE_IOERR_SHMSIZE` is how a full disk shows in the file that WAL shares memory with. */
const shmSize = 4874;
const uniqueKeys = [1555, 2067, 2579];

/**
 * Says what SQLite's error means for `path`: whether another try can help, and what an operator can do. What is no error
 * of SQLite's comes back as it is.
 */
export function translated(error: unknown, path: string): unknown {
  const errcode = errcodeOf(error);
  if (errcode === undefined || error instanceof DatabaseError) return error;
  const [kind, text] = meaning(errcode, path, messageOf(error), error);
  return new DatabaseError(kind, `database ${path} ${text}`, { cause: error });
}

/** Another process has the file at the moment. */
export function isBusy(error: unknown): boolean {
  const primary = primaryOf(error);
  return primary === code.busy || primary === code.locked;
}

/** The connection may be of no more use: the file is to be opened again before the next try. */
export function isBroken(error: unknown): boolean {
  const primary = primaryOf(error);
  return (
    primary !== undefined && [code.ioerr, code.corrupt, code.cantopen, code.notadb, code.readonly].includes(primary)
  );
}

/** A row with this key exists already. */
function isDuplicate(error: unknown): boolean {
  const errcode = errcodeOf(error);
  return errcode !== undefined && uniqueKeys.includes(errcode);
}

function meaning(errcode: number, path: string, message: string, error: unknown): [DatabaseErrorKind, string] {
  if (errcode === shmSize) return full(message);
  switch (errcode & 0xff) {
    case code.busy:
    case code.locked:
      return ['away', `is locked by another process; 'fuser ${path}' names it (${message})`];
    case code.readonly:
      return [
        'away',
        `cannot be written: its file, its folder or its file system is read-only for this user (${message})`,
      ];
    case code.full:
      return full(message);
    case code.cantopen:
      return ['away', `cannot be opened: ${osReason(error)}`];
    case code.corrupt:
    case code.notadb:
      return [
        'away',
        `is damaged or no SQLite database (${message}); 'sqlite3 ${path} "PRAGMA integrity_check"' says more, ` +
          `stop all services before a copy is put in its place`,
      ];
    case code.ioerr:
    case code.nomem:
      return ['away', `cannot be read or written: ${message}`];
    case code.constraint:
      return ['refused', `refuses the row${isDuplicate(error) ? ', one with this key exists' : ''}: ${message}`];
    default:
      return ['refused', `refuses the statement: ${message}; 'volume-daemon db check' compares its tables`];
  }
}

function full(message: string): [DatabaseErrorKind, string] {
  return ['full', `has no space left where it is; nothing was written, free some space there (${message})`];
}

function osReason(error: unknown): string {
  const { systemErrno } = error as { systemErrno?: unknown };
  const reasons: Readonly<Record<number, string>> = {
    13: 'permission denied',
    20: 'a part of its path is no folder',
    21: 'this is a folder',
    23: 'too many open files on this machine',
    24: 'too many open files in this process',
  };
  const reason = typeof systemErrno === 'number' ? reasons[systemErrno] : undefined;
  return reason ?? `${messageOf(error)}; the file and its folder have to be writable for this user`;
}

function primaryOf(error: unknown): number | undefined {
  const errcode = errcodeOf(error);
  return errcode === undefined ? undefined : errcode & 0xff;
}

/** The extended result code of SQLite's own error, also where a DatabaseError has been made of it. */
function errcodeOf(error: unknown): number | undefined {
  const source = error instanceof DatabaseError ? error.cause : error;
  if (!(source instanceof Error) || !('code' in source) || source.code !== 'ERR_SQLITE_ERROR') return undefined;
  if ('errcode' in source && typeof source.errcode === 'number') return source.errcode;
  return Object.hasOwn(texts, source.message) ? texts[source.message] : 1;
}

/** The client leaves the code out where a SELECT fails half way. SQLite's own sentence for it is always the same. */
const texts: Readonly<Record<string, number>> = {
  'database is locked': code.busy,
  'database table is locked': code.locked,
  'out of memory': code.nomem,
  'attempt to write a readonly database': code.readonly,
  'disk I/O error': code.ioerr,
  'database disk image is malformed': code.corrupt,
  'database or disk is full': code.full,
  'unable to open database file': code.cantopen,
  'file is not a database': code.notadb,
};
