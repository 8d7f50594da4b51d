import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DatabaseSync } from '@photostructure/sqlite';
import { silent } from '../../src/base/log.ts';
import { type Opening, openDatabase } from '../../src/db/database.ts';
import { type DatabaseOptions, databaseGroup, tableGroup } from '../../src/db/options.ts';
import type { Database } from '../../src/interface/database.ts';
import type { OptionTable } from '../../src/interface/options.ts';
import type { NewService } from '../../src/interface/service-table.ts';
import type { NewSnapshot } from '../../src/interface/snapshot-table.ts';
import type { NewVolume } from '../../src/interface/volume-table.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { aFolder } from './folder.ts';

type Given = Partial<DatabaseOptions> & Partial<Opening> & { readonly path?: string };

/** A database with all tables, closed with the test: in memory, or in the file `path`, which is made when it is missing. */
export async function openTestDatabase(t: Pick<TestContext, 'after'>, given: Given = {}): Promise<Database> {
  const { path, logger = silent, create = true, signal, lockPatience, ...options } = given;
  const opening = { logger, create, ...(signal && { signal }), ...(lockPatience && { lockPatience }) };
  const url = path === undefined ? 'sqlite://' : `sqlite:///${path}`;
  const database = await openDatabase(url, databaseOptions(options), opening);
  t.after(() => database[Symbol.asyncDispose]());
  return database;
}

/** The presets of all options that the database knows, with what the test sets. It does not wait for a file to appear. */
export function databaseOptions(given: Partial<DatabaseOptions> = {}): DatabaseOptions {
  const presets = (table: OptionTable): [string, unknown][] =>
    Object.entries(table).map(([name, { preset }]) => [name, preset]);
  const values = Object.fromEntries([...presets(databaseGroup.options), ...presets(tableGroup.options)]);
  return { ...(values as DatabaseOptions), max_retries: 0, ...given };
}

/** A database in a fresh file, and what stands in that file, read past our own code. */
export async function openTestFile(
  t: Pick<TestContext, 'after'>,
  given: Given = {},
): Promise<{ db: Database; path: string; rows: (sql: string) => Record<string, unknown>[] }> {
  const path = given.path ?? join(aFolder(t), 'cinder.sqlite');
  const db = await openTestDatabase(t, { ...given, path });
  return { db, path, rows: (sql) => rowsOf(path, sql) };
}

/** Rows as they stand in a file: times as text, booleans as numbers. */
export function rowsOf(path: string, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    return (database.prepare(sql).all() as Record<string, unknown>[]).map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

/** Changes a file past our own code. */
export function execute(path: string, sql: string): void {
  const database = new DatabaseSync(path, { timeout: 5000 });
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

/** What `volumes.create` needs, with what the test cares about. */
export function aNewVolume(given: Partial<NewVolume> = {}): NewVolume {
  return {
    id: randomUUID(),
    size: 1,
    status: 'available',
    attach_status: 'detached',
    host: 'node@file#pool',
    project_id: 'project',
    user_id: 'user',
    availability_zone: 'nova',
    ...given,
  };
}

/** What `snapshots.create` needs for a snapshot of `volume`. */
export function aNewSnapshot(volume: Pick<NewVolume, 'id' | 'size'>, given: Partial<NewSnapshot> = {}): NewSnapshot {
  return {
    id: randomUUID(),
    volume_id: volume.id,
    volume_size: volume.size,
    status: 'available',
    project_id: 'project',
    user_id: 'user',
    ...given,
  };
}

/** What `services.register` needs. */
export function aNewService(given: Partial<NewService> = {}): NewService {
  return {
    host: serviceHost('node', 'file'),
    binary: 'cinder-volume',
    topic: 'cinder-volume',
    availability_zone: 'nova',
    disabled: false,
    cluster_name: null,
    rpc_current_version: '3.20',
    object_current_version: '1.39',
    ...given,
  };
}
