import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { PostgresAdapter, PostgresQueryCompiler, type QueryResult, sql } from 'kysely';
import pg from 'pg';
import { columnsByTable, type Engine, type EngineOpening } from './access.ts';
import { ClientConnection } from './client-connection.ts';
import type { Connection, Query, ServerKind } from './connection.ts';
import { postgresError } from './postgres-errors.ts';
import { type PostgresSettings, postgresSettings } from './postgres-settings.ts';
import { openServer } from './server-engine.ts';
import { type Readers, readNumber, readRows, readTime } from './server-values.ts';
import type { DatabaseUrl } from './url.ts';

class LockingAdapter extends PostgresAdapter {
  readonly locksRows = true;
}

const dialect = { adapter: new LockingAdapter(), compiler: new PostgresQueryCompiler() };

/** By the numbers that PostgreSQL's types have: counts are numbers, times are read as the rest of this room knows them. */
const readers: ReadonlyMap<number, Readers[number]['read']> = new Map<number, Readers[number]['read']>([
  [16, (value) => (value === null ? null : value === 't')],
  [20, readNumber],
  [21, readNumber],
  [23, readNumber],
  [1114, readTime],
  [1184, readTime],
]);

/** The settings of a session: UTC, times as they are written here, ten seconds for a lock. */
const session =
  "set time zone 'UTC'; set datestyle = 'ISO, YMD'; set lock_timeout = '10s'; set standard_conforming_strings = on";

/** Opens a database on PostgreSQL. Rejects with a DatabaseError. */
export async function openPostgres(url: DatabaseUrl, { options, signal }: EngineOpening): Promise<Engine> {
  return openServer(serverKind(await postgresSettings(url), url.masked), options, signal);
}

function serverKind(settings: PostgresSettings, name: string): ServerKind {
  return {
    name,
    dialect,
    beginReading: 'begin isolation level repeatable read read only',
    beginWriting: 'begin isolation level read committed',
    connect: async (signal) => {
      const connection = await openAnyWay(settings, name, signal);
      await connection.execute({ sql: session, parameters: [] });
      return connection;
    },
    isAtWork: async (on, id) => {
      const text = 'select state from pg_stat_activity where pid = $1';
      const { rows } = await on.execute<{ state: string | null }>({ sql: text, parameters: [id] });
      return rows[0]?.state === 'active';
    },
    serverVersion: async (db) => {
      const { rows } = await sql<{ server_version: string }>`show server_version`.execute(db);
      return `PostgreSQL ${rows[0]?.server_version}`;
    },
    tables: async (db) => {
      const { rows } = await sql<{ name: string; column: string }>`
        select table_name::text as name, column_name::text as "column" from information_schema.columns
        where table_schema = current_schema()`.execute(db);
      return columnsByTable(rows);
    },
  };
}

async function openAnyWay(settings: PostgresSettings, name: string, signal: AbortSignal): Promise<Connection> {
  const [first = false, second] = settings.ssl;
  try {
    return await open(settings, first, name, signal);
  } catch (error) {
    if (second === undefined || signal.aborted) throw error;
    return open(settings, second, name, signal);
  }
}

async function open(
  settings: PostgresSettings,
  ssl: ConnectionOptions | false,
  name: string,
  signal: AbortSignal,
): Promise<Connection> {
  const { applicationName, host, port, user, password, database } = settings;
  const socket = new Socket();
  const client = new pg.Client({
    host,
    port,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    application_name: applicationName,
    ssl,
    stream: () => socket,
    keepAlive: true,
    keepAliveInitialDelayMillis: 1000,
    types: { getTypeParser: () => (text: string) => text },
  });
  // The errors of statements go to who made them; what is left comes with the socket's end.
  client.on('error', () => {});
  const translate = (error: unknown): ReturnType<typeof postgresError> => postgresError(error, name);
  let abort = (): void => {};
  try {
    const late = new Promise<never>((_, reject) => {
      abort = () => reject(new Error('no connection within the time there is'));
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    });
    await Promise.race([client.connect(), late]);
  } catch (error) {
    socket.destroy();
    throw translate(error);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  const run = (query: Query): Promise<QueryResult<unknown>> => send(client, query);
  const leave = (): void => void client.end().catch(() => {});
  return new ClientConnection({ id: processIdOf(client), name, socket, run, leave, translate });
}

async function send(client: pg.Client, { sql: text, parameters }: Query): Promise<QueryResult<unknown>> {
  const result = await client.query<object>(text, parameters.length === 0 ? undefined : [...parameters]);
  const found = readRows(result.rows ?? [], (result.fields ?? []).flatMap(readerOf)) as unknown[];
  if (result.command === 'SELECT' || result.command === 'SHOW') return { rows: found };
  return { rows: found, numAffectedRows: BigInt(result.rowCount ?? 0) };
}

function readerOf({ name, dataTypeID }: pg.FieldDef): Readers {
  const read = readers.get(dataTypeID);
  return read === undefined ? [] : [{ column: name, read }];
}

/** The client knows it and its types do not. */
function processIdOf(client: pg.Client): number {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : 0;
}
