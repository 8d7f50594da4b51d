import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Daemon } from '../support/daemon.ts';
import { rowsOf } from '../support/database.ts';

export interface VolumeRow {
  readonly id: string;
  readonly status: string;
  readonly size: number;
  readonly host: string;
  readonly display_name: string | null;
}

export interface SnapshotRow {
  readonly id: string;
  readonly status: string;
  readonly volume_id: string;
  readonly volume_size: number;
  readonly display_name: string | null;
}

export interface WorkerRow {
  readonly resource_type: string;
  readonly resource_id: string;
  readonly status: string;
  readonly service_id: number | null;
}

/** What stands in the daemon's database, read past its own code. */
export class Rows {
  readonly #path: string;

  constructor(daemon: Daemon) {
    this.#path = join(daemon.folder, 'cinder.sqlite');
  }

  volumes(where = '1'): readonly VolumeRow[] {
    const sql = `select id, status, size, host, display_name from volumes where deleted = 0 and ${where}`;
    return rowsOf(this.#path, sql) as unknown as VolumeRow[];
  }

  snapshots(where = '1'): readonly SnapshotRow[] {
    const sql = `select id, status, volume_id, volume_size, display_name from snapshots where deleted = 0 and ${where}`;
    return rowsOf(this.#path, sql) as unknown as SnapshotRow[];
  }

  workers(): readonly WorkerRow[] {
    const sql = `select resource_type, resource_id, status, service_id from workers where resource_type <> 'SENTINEL'`;
    return rowsOf(this.#path, sql) as unknown as WorkerRow[];
  }

  /** Whether somebody has the database for himself. */
  isLocked(): boolean {
    const database = new DatabaseSync(this.#path, { timeout: 0 });
    try {
      database.exec('begin immediate; rollback');
      return false;
    } catch {
      return true;
    } finally {
      database.close();
    }
  }

  volume(id: string): VolumeRow | undefined {
    return this.volumes(`id = '${id}'`)[0];
  }

  snapshot(id: string): SnapshotRow | undefined {
    return this.snapshots(`id = '${id}'`)[0];
  }
}

/** States that do not pass by themselves. */
const final = new Set(['available', 'in-use', 'error', 'error_deleting', 'error_extending']);

export function isFinal({ status }: { readonly status: string }): boolean {
  return final.has(status);
}
