import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import {
  accountOf,
  asText,
  freePort,
  type PrivateServer,
  type Rows,
  ServerProcess,
  serverFolder,
} from './private-server.ts';

/** Starts a MariaDB with an account `cinder` whose password has all that a URL must quote. */
export async function startMariadb(settings: readonly string[] = []): Promise<PrivateServer> {
  const folder = serverFolder();
  const account = accountOf('mysql');
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  const port = await freePort();
  const socket = join(folder, 'socket');
  const data = join(folder, 'data');
  const install = ['--no-defaults', `--datadir=${data}`, '--skip-test-db', '--auth-root-authentication-method=normal'];
  // A server that starts removes every temporary table in its folder for them: in a shared one, those of its neighbours too.
  execFileSync('mariadb-install-db', install, { stdio: 'pipe', env: { ...process.env, TMPDIR: folder }, ...account });
  const command = [
    'mariadbd',
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${folder}`,
    `--socket=${socket}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--character-set-server=utf8mb3',
    '--collation-server=utf8mb3_general_ci',
    // Each of Cinder's services opens up to 55.
    '--max-connections=500',
    '--innodb-buffer-pool-size=32M',
    '--innodb-log-file-size=16M',
    ...settings,
  ] as const;
  const admin = async (sql: string, database?: string): Promise<Rows> => {
    const connection = await createConnection({
      socketPath: socket,
      user: 'root',
      ...(database === undefined ? {} : { database }),
      multipleStatements: true,
      typeCast: (field, next) => (['DATETIME', 'TIMESTAMP'].includes(field.type) ? asText(field.string()) : next()),
    });
    try {
      await connection.query("set sql_mode = 'ANSI_QUOTES'");
      const [result] = await connection.query(sql);
      return Array.isArray(result) ? (result as Rows) : [];
    } finally {
      await connection.end();
    }
  };
  const server = new ServerProcess(folder, [...command], account, () => admin('select 1'));
  await server.start();
  await admin(
    "create user cinder@'127.0.0.1' identified by 'p@ss:w/rd%?#'; grant all on cinder.* to cinder@'127.0.0.1'",
  );
  await admin("create user cinder@localhost identified by 'p@ss:w/rd%?#'; grant all on cinder.* to cinder@localhost");
  return {
    folder,
    port,
    admin,
    url: (database) => `mysql+pymysql://cinder:p%40ss%3Aw%2Frd%25%3F%23@127.0.0.1:${port}/${database}?charset=utf8`,
    signal: (name) => server.signal(name),
    gone: () => server.gone(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}
