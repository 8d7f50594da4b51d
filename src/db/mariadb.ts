import { connect, isIP } from 'node:net';
import { MysqlAdapter, MysqlQueryCompiler, type QueryResult, sql } from 'kysely';
import {
  type Connection as Client,
  createConnection,
  type FieldPacket,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2';
import { columnsByTable, type Engine, type EngineOpening } from './access.ts';
import { ClientConnection } from './client-connection.ts';
import type { Connection, Query, ServerKind } from './connection.ts';
import { mariadbError } from './mariadb-errors.ts';
import { type MariadbSettings, mariadbSettings } from './mariadb-settings.ts';
import { openServer } from './server-engine.ts';
import { type Readers, readBoolean, readRows, readTime } from './server-values.ts';
import type { DatabaseUrl } from './url.ts';

class MariadbAdapter extends MysqlAdapter {
  readonly locksRows = true;
  readonly ignoresCase = true;
}

const dialect = { adapter: new MariadbAdapter(), compiler: new MysqlQueryCompiler() };

/** Opens a database on MariaDB or MySQL. Rejects with a DatabaseError. */
export async function openMariadb(url: DatabaseUrl, { options, signal }: EngineOpening): Promise<Engine> {
  const settings = await mariadbSettings(url);
  return openServer(serverKind(settings, url.masked, sessionStatement(options.mysql_sql_mode)), options, signal);
}

/**
 * Times are UTC, and locks are waited for ten seconds. The mode is Cinder's, `TRADITIONAL` as a rule: what does not fit is
 * an error. Backslashes keep their meaning, for the client escapes with them.
 */
function sessionStatement(mode: string): string {
  const wanted = mode === '' ? '@@sql_mode' : `'${mode.replace(/[^\w,]/g, '')}'`;
  return (
    `set session time_zone = '+00:00', innodb_lock_wait_timeout = 10, autocommit = 1, ` +
    `sql_mode = replace(${wanted}, 'NO_BACKSLASH_ESCAPES', '')`
  );
}

function serverKind(settings: MariadbSettings, name: string, session: string): ServerKind {
  return {
    name,
    dialect,
    beginReading: 'start transaction read only',
    beginWriting: 'start transaction',
    connect: async (signal) => {
      const connection = await open(settings, name, signal);
      await connection.execute({ sql: session, parameters: [] });
      return connection;
    },
    isAtWork: async (on, id) => {
      const text = 'select command from information_schema.processlist where id = ?';
      const { rows } = await on.execute<{ command: string }>({ sql: text, parameters: [id] });
      return rows[0] !== undefined && rows[0].command !== 'Sleep';
    },
    serverVersion: async (db) => {
      const { rows } = await sql<{ version: string }>`select version() as version`.execute(db);
      return rows[0]?.version ?? '';
    },
    tables: async (db) => {
      const { rows } = await sql<{ name: string; column: string }>`
        select table_name as name, column_name as \`column\` from information_schema.columns
        where table_schema = database()`.execute(db);
      return columnsByTable(rows);
    },
  };
}

function open({ address, login, ssl }: MariadbSettings, name: string, signal: AbortSignal): Promise<Connection> {
  const socket = connect(address).setNoDelay(true).setKeepAlive(true, 1000);
  return new Promise((resolve, reject) => {
    const translate = (error: unknown): ReturnType<typeof mariadbError> => mariadbError(error, name);
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(translate(error));
    };
    const abort = (): void => fail(new Error('no connection within the time there is'));
    signal.addEventListener('abort', abort, { once: true });
    const client = createConnection({
      ...login,
      stream: () => socket,
      ...('host' in address ? { host: nameForTls(address.host), port: address.port } : {}),
      ...(ssl === undefined ? {} : { ssl }),
      charset: 'UTF8MB4_GENERAL_CI',
      dateStrings: true,
      supportBigNumbers: true,
    });
    client.on('error', fail);
    client.on('connect', () => {
      signal.removeEventListener('abort', abort);
      const run = (query: Query): Promise<QueryResult<unknown>> => send(client, query);
      const leave = (): void => client.end();
      resolve(new ClientConnection({ id: client.threadId, name, socket, run, leave, translate }));
    });
    if (signal.aborted) abort();
  });
}

/**
 * The client asks for the name in the certificate only where it thinks that the host is one. With a dot behind it an address
 * passes for a name, and Node's check takes the dot off again.
 */
function nameForTls(host: string): string {
  return isIP(host) === 0 ? host : `${host}.`;
}

/** The numbers of the protocol's types. */
const type = { tiny: 1, timestamp: 7, datetime: 12 };

async function send(client: Client, { sql: text, parameters }: Query): Promise<QueryResult<unknown>> {
  const { result, fields } = await new Promise<Answer>((resolve, reject) => {
    client.query<Answer['result']>(text, [...parameters], (error, found, columns) => {
      if (error !== null) reject(error);
      else resolve({ result: found, fields: columns });
    });
  });
  if (!Array.isArray(result)) return { rows: [], numAffectedRows: BigInt(result.affectedRows) };
  return { rows: readRows(result, fields.flatMap(readerOf)) as unknown[] };
}

interface Answer {
  readonly result: RowDataPacket[] | ResultSetHeader;
  readonly fields: FieldPacket[];
}

/** Booleans are `tinyint(1)`. */
function readerOf({ name, columnType, columnLength }: FieldPacket): Readers {
  if (columnType === type.tiny && columnLength === 1) return [{ column: name, read: readBoolean }];
  if (columnType === type.datetime || columnType === type.timestamp) return [{ column: name, read: readTime }];
  return [];
}
