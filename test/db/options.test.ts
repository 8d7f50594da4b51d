import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseGroup, tableGroup } from '../../src/db/options.ts';
import type { Option } from '../../src/interface/options.ts';

/** Name, type, default and older names, as config.md §12.3 lists them. */
const listed = `
backend str sqlalchemy DEFAULT.db_backend
connection str sqlite:///$state_path/cinder.sqlite DEFAULT.sql_connection DATABASE.sql_connection sql.connection
connection_debug int 0 DEFAULT.sql_connection_debug
connection_parameters str
connection_recycle_time int 3600
connection_trace bool false DEFAULT.sql_connection_trace
db_inc_retry_interval bool true
db_max_retries int 20
db_max_retry_interval int 10
db_retry_interval int 1
max_overflow int 50 DEFAULT.sql_max_overflow DATABASE.sqlalchemy_max_overflow
max_pool_size int 5
max_retries int 10 DEFAULT.sql_max_retries DATABASE.sql_max_retries
mysql_enable_ndb bool false
mysql_sql_mode str TRADITIONAL
pool_timeout int - DATABASE.sqlalchemy_pool_timeout
retry_interval int 10 DEFAULT.sql_retry_interval DATABASE.reconnect_interval
slave_connection str -
sqlite_synchronous bool true DEFAULT.sqlite_synchronous
use_db_reconnect bool false`;

test('the options of [database] are those of the page, with their older names [config 12.3]', () => {
  const lines = Object.entries<Option<unknown>>(databaseGroup.options).map(([name, { kind, preset, was = [] }]) =>
    [name, kind, preset === undefined ? '-' : String(preset), ...was].join(' ').trim(),
  );

  assert.deepEqual(
    lines.sort(),
    listed
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  );
});

test('a database URL is a secret, a quota is not [config 12.3, C-082]', () => {
  const secrets = (table: Readonly<Record<string, Option<unknown>>>): string[] =>
    Object.entries(table).flatMap(([name, { secret }]) => (secret ? [name] : []));

  assert.deepEqual(secrets(databaseGroup.options), ['connection', 'slave_connection']);
  assert.deepEqual(secrets(tableGroup.options), []);
});
