import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mariadbError } from '../../src/db/mariadb-errors.ts';
import { mariadbSettings } from '../../src/db/mariadb-settings.ts';
import { postgresError } from '../../src/db/postgres-errors.ts';
import { postgresSettings } from '../../src/db/postgres-settings.ts';
import { parseDatabaseUrl } from '../../src/db/url.ts';
import { aFolder } from '../support/folder.ts';

test('a MariaDB URL says where the server is and who logs in, with quoting, IPv6 and sockets [config 12.3]', async () => {
  const of = (url: string) => mariadbSettings(parseDatabaseUrl(url));

  assert.deepEqual(await of('mysql+pymysql://ci%40nder:p%3A%2F%25@[::1]:3307/cinder?charset=utf8'), {
    address: { host: '::1', port: 3307 },
    login: { user: 'ci@nder', password: 'p:/%', database: 'cinder' },
  });
  assert.deepEqual(await of('mysql://u@/cinder?unix_socket=/run/mysqld/mysqld.sock'), {
    address: { path: '/run/mysqld/mysqld.sock' },
    login: { user: 'u', database: 'cinder' },
  });
});

test('a CA has certificate and name checked, unless the URL says otherwise; a file that is missing is told [config 12.3]', async (t) => {
  const ca = join(aFolder(t), 'ca.pem');
  writeFileSync(ca, 'CA');
  const ssl = async (query: string): Promise<unknown> => {
    const found = (await mariadbSettings(parseDatabaseUrl(`mysql://h/d?${query}`))).ssl;
    return found && [found.ca, found.rejectUnauthorized, found.verifyIdentity];
  };

  assert.deepEqual(await ssl(`ssl_ca=${ca}`), ['CA', true, true]);
  assert.deepEqual(await ssl(`ssl_ca=${ca}&ssl_check_hostname=false`), ['CA', true, false]);
  assert.deepEqual(await ssl(`ssl_ca=${ca}&ssl_verify_cert=false`), ['CA', false, false]);
  assert.deepEqual(await ssl(`ssl_ca=${ca}&ssl_mode=VERIFY_CA`), ['CA', true, false]);
  assert.deepEqual(await ssl('ssl_mode=VERIFY_IDENTITY'), [undefined, true, true]);
  assert.deepEqual(await ssl('ssl_mode=REQUIRED'), [undefined, false, false]);
  assert.equal(await ssl(`ssl_ca=${ca}&ssl_disabled=true`), undefined);
  assert.equal(await ssl('charset=utf8'), undefined);
  await assert.rejects(ssl('ssl_ca=/nowhere/ca.pem'), /ssl_ca: ENOENT/);
  await assert.rejects(ssl('ssl_mode=perhaps'), /ssl_mode is one of DISABLED/);
  await assert.rejects(ssl('ssl_verify_cert=perhaps'), /ssl_verify_cert is true or false/);
});

test('a PostgreSQL URL may name its host as an argument, and is as strict as sslmode says [config 12.3]', async () => {
  const of = (url: string) => postgresSettings(parseDatabaseUrl(url));
  const checks = async (query: string): Promise<unknown[]> =>
    (await of(`postgresql://h/d?${query}`)).ssl.map((way) => (way === false ? 'plain' : way.rejectUnauthorized));

  const socket = await of('postgresql+psycopg2://u:p%40@/cinder?host=/var/run/postgresql&application_name=me');
  assert.deepEqual(
    [socket.host, socket.port, socket.user, socket.password, socket.database, socket.applicationName, socket.ssl],
    ['/var/run/postgresql', 5432, 'u', 'p@', 'cinder', 'me', [false]],
  );
  assert.deepEqual(await checks(''), [false, 'plain']);
  assert.deepEqual(await checks('sslmode=disable'), ['plain']);
  assert.deepEqual(await checks('sslmode=require'), [false]);
  assert.deepEqual(await checks('sslmode=verify-ca'), [true]);
  assert.deepEqual(await checks('sslmode=verify-full'), [true]);
  await assert.rejects(checks('sslmode=perhaps'), /sslmode is one of disable/);
});

test('errors of servers say whether another try can help, and never quote the statement [O-26, database 1.1]', () => {
  const mariadb = (errno: number, message = 'x') => mariadbError({ errno, code: 'ER_X', message }, 'db');
  const postgres = (code: string) => postgresError({ code, severity: 'ERROR', message: 'x' }, 'db');

  const kinds = [mariadb(1213), mariadb(1047), mariadb(1021), mariadb(1045), mariadb(1062), mariadb(1406)];
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    ['away', 'away', 'full', 'away', 'refused', 'refused'],
  );
  assert.deepEqual(
    ['40P01', '25006', '53100', '28P01', '23505', '22001', '57P01'].map((code) => postgres(code).kind),
    ['away', 'away', 'full', 'away', 'refused', 'refused', 'away'],
  );
  assert.ok(mariadb(1213).remedy.conflict && postgres('40001').remedy.conflict);
  assert.ok(!mariadb(1064, "near 'secret'").message.includes('secret'));
});
