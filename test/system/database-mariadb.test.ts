import { after, before } from 'node:test';
import { daemonOnServerSuite } from '../conformance/daemon-on-server.ts';
import { databaseSuite } from '../conformance/database/all.ts';
import { databaseServerSuite } from '../conformance/database-server.ts';
import { startMariadb } from '../support/mariadb-server.ts';
import type { PrivateServer } from '../support/private-server.ts';
import { mariadbWords, serverBench } from '../support/server-bench.ts';

let server: PrivateServer;
before(async () => {
  server = await startMariadb(['--max-connections=40']);
});
after(() => server?.stop());

const bench = serverBench(() => server, mariadbWords);

databaseSuite(bench);

daemonOnServerSuite(() => server, bench);

databaseServerSuite(() => server, bench, {
  connections: "select count(*) as n from information_schema.processlist where db = 'cinder' and user = 'cinder'",
  killAll: 'kill user cinder',
  readOnly: ['set global read_only = 1', 'set global read_only = 0'],
  typeOf: ({ kind, length }) => {
    if (kind === 'text') return length === undefined ? 'text' : `varchar(${length})`;
    return { int: 'int(11)', bool: 'tinyint(1)', time: 'datetime' }[kind];
  },
  types: `select concat(table_name, '.', column_name) as name, is_nullable as nullable,
    if(concat(table_name, '.', column_name) = 'workers.updated_at' and column_type = 'datetime(6)', 'datetime', column_type) as type
    from information_schema.columns where table_schema = database()`,
});
