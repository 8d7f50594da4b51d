import { execFileSync } from 'node:child_process';
import { chownSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import {
  accountOf,
  asText,
  freePort,
  type PrivateServer,
  type Rows,
  ServerProcess,
  serverFolder,
} from './private-server.ts';

/** Starts a PostgreSQL with an account `cinder` whose password has all that a URL must quote. */
export async function startPostgres(settings: readonly string[] = []): Promise<PrivateServer> {
  const folder = serverFolder();
  const account = accountOf('postgres');
  const port = await freePort();
  const data = join(folder, 'data');
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'p@ss:w/rd%?#\n');
  if (account !== undefined) for (const path of [folder, secret]) chownSync(path, account.uid, account.gid);
  const programs = programsFolder();
  const init = ['-D', data, '-U', 'cinder', `--pwfile=${secret}`, '-A', 'scram-sha-256', '-E', 'UTF8', '-N'];
  execFileSync(join(programs, 'initdb'), init, { cwd: folder, stdio: 'pipe', ...account });
  const command = [
    join(programs, 'postgres'),
    ...['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder],
    // Each of Cinder's services opens up to 55.
    ...['shared_buffers=32MB', 'max_connections=500', ...settings].flatMap((setting) => ['-c', setting]),
  ] as const;
  const admin = async (sql: string, database = 'postgres'): Promise<Rows> => {
    const client = new pg.Client({
      host: folder,
      port,
      user: 'cinder',
      password: 'p@ss:w/rd%?#',
      database,
      types: { getTypeParser: (oid: number) => parsers.get(oid) ?? ((text: string) => text) },
    });
    await client.connect();
    try {
      const results = (await client.query(sql)) as pg.QueryResult | pg.QueryResult[];
      return Array.isArray(results) ? [] : results.rows;
    } finally {
      await client.end();
    }
  };
  const server = new ServerProcess(folder, [command[0], ...command.slice(1)], account, () => admin('select 1'));
  await server.start();
  return {
    folder,
    port,
    admin,
    url: (database) => `postgresql+psycopg2://cinder:p%40ss%3Aw%2Frd%25%3F%23@127.0.0.1:${port}/${database}`,
    signal: (name) => server.signal(name),
    gone: () => server.gone(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** By the types' numbers in PostgreSQL. */
const parsers: ReadonlyMap<number, (text: string) => unknown> = new Map<number, (text: string) => unknown>([
  [16, (text) => (text === 't' ? 1 : 0)],
  [20, Number],
  [23, Number],
  [1114, asText],
]);

/** Debian keeps the server's programs out of the path, by version. */
function programsFolder(): string {
  const root = '/usr/lib/postgresql';
  const version = readdirSync(root).sort((a, b) => Number(b) - Number(a))[0];
  return join(root, version ?? '', 'bin');
}
