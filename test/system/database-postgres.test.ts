import { after, before } from 'node:test';
import { daemonOnServerSuite } from '../conformance/daemon-on-server.ts';
import { databaseSuite } from '../conformance/database/all.ts';
import { databaseServerSuite } from '../conformance/database-server.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PrivateServer } from '../support/private-server.ts';
import { postgresWords, serverBench } from '../support/server-bench.ts';

let server: PrivateServer;
before(async () => {
  server = await startPostgres(['max_connections=40']);
});
after(() => server?.stop());

const bench = serverBench(() => server, postgresWords);

databaseSuite(bench);

daemonOnServerSuite(() => server, bench);

const others = "datname = 'cinder' and pid <> pg_backend_pid() and backend_type = 'client backend'";

databaseServerSuite(() => server, bench, {
  connections: `select count(*) as n from pg_stat_activity where ${others}`,
  killAll: `select pg_terminate_backend(pid) from pg_stat_activity where ${others}`,
  // Sessions take the setting when they begin.
  readOnly: [
    `alter role cinder in database cinder set default_transaction_read_only = on;
     select pg_terminate_backend(pid) from pg_stat_activity where datname = 'cinder'`,
    'alter role cinder in database cinder reset default_transaction_read_only',
  ],
  typeOf: ({ kind, length }) => {
    if (kind === 'text') return length === undefined ? 'text' : `character varying(${length})`;
    return { int: 'integer', bool: 'boolean', time: 'timestamp without time zone' }[kind];
  },
  types: `select table_name || '.' || column_name as name, is_nullable as nullable,
    data_type || coalesce('(' || character_maximum_length || ')', '') as type
    from information_schema.columns where table_schema = current_schema()`,
});
