import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from '../support/daemon.ts';
import type { Findings } from './findings.ts';
import { type Content, faultOf } from './patterns.ts';
import { isFinal, type Rows } from './rows.ts';

const GiB = 2 ** 30;

/** What is not at rest yet, in words; empty when everything is. */
export function unrest(rows: Rows): string[] {
  const moving = (kind: string, all: readonly { readonly id: string; readonly status: string }[]): string[] =>
    all.filter((row) => !isFinal(row)).map(({ id, status }) => `${kind} ${id} is ${status}`);
  const held = rows
    .workers()
    .map((row) => `workers row of ${row.resource_type} ${row.resource_id}, ${row.status}, service ${row.service_id}`);
  return [...moving('volume', rows.volumes()), ...moving('snapshot', rows.snapshots()), ...held];
}

/** Files and rows of the file backend belong together, and every file holds what it must. */
export async function auditFiles(
  folder: string,
  backend: string,
  rows: Rows,
  contents: ReadonlyMap<string, Content>,
  findings: Findings,
): Promise<void> {
  const volumes = rows.volumes(`host like '%@${backend}#%'`);
  const ids = new Set(volumes.map(({ id }) => id));
  const snapshots = rows.snapshots().filter(({ volume_id }) => ids.has(volume_id));
  const wanted = new Map<string, { readonly id: string; readonly status: string; readonly gib: number }>();
  for (const { id, status, size } of volumes) wanted.set(`volume-${id}`, { id, status, gib: size });
  for (const { id, status, volume_size } of snapshots) wanted.set(`snapshot-${id}`, { id, status, gib: volume_size });
  for (const name of readdirSync(folder)) {
    const isOurs = name === '.volume-daemon.lock' || name === '.volume-daemon.lock.note';
    if (!isOurs && !wanted.has(name)) findings.violated(`file ${join(folder, name)} has no row`);
  }
  for (const [name, { id, status, gib }] of wanted) {
    const file = join(folder, name);
    if (!existsSync(file)) {
      if (status !== 'error' && status !== 'error_deleting') findings.violated(`${name} is ${status}, and has no file`);
      continue;
    }
    if (status !== 'available') continue;
    const { size } = statSync(file);
    if (size !== gib * GiB) findings.violated(`${file} has ${size} bytes, its row says ${gib} GiB`);
    const fault = await faultOf(file, contents.get(id));
    if (fault !== undefined) findings.violated(`${file} ${fault}`);
  }
}

/** Counts what the fake driver was asked, and says what it was asked too often (rpc.md §2.3, manager.md §2.3). */
export class JournalAudit {
  readonly #file: string;
  readonly #starts = new Map<string, Map<string, number>>();
  #read = 0;

  constructor(daemon: Daemon) {
    this.#file = join(daemon.folder, 'journal');
  }

  /** `extends` tells how often an extend of a volume was asked for. */
  check(extendsOf: ReadonlyMap<string, number>, findings: Findings): void {
    if (!existsSync(this.#file)) return;
    const text = readFileSync(this.#file, 'utf8');
    const seen = new Set<string>();
    for (const line of text.slice(this.#read).split('\n')) {
      const [pid = '', method = '', id = '', what] = line.split(' ');
      if (what !== 'start' || id === '-') continue;
      const key = `${method} ${id}`;
      const byPid = this.#starts.get(key) ?? new Map<string, number>();
      byPid.set(pid, (byPid.get(pid) ?? 0) + 1);
      this.#starts.set(key, byPid);
      seen.add(key);
    }
    this.#read = text.lastIndexOf('\n') + 1;
    for (const key of seen) this.#judge(key, extendsOf, findings);
  }

  #judge(key: string, extendsOf: ReadonlyMap<string, number>, findings: Findings): void {
    const [method = '', id = ''] = key.split(' ');
    const byPid = this.#starts.get(key) ?? new Map<string, number>();
    const total = [...byPid.values()].reduce((sum, one) => sum + one, 0);
    const most = Math.max(...byPid.values());
    const tell = (limit: string): void =>
      findings.violated(`${key} ran ${total} times, ${most} in one process; ${limit}`);
    if (method.startsWith('create_')) {
      // An interrupted create is made again, once, by another process.
      if (most > 1 || total > 2) tell('a create runs once, and once more after a crash');
    } else if (method === 'extend_volume') {
      const asked = extendsOf.get(id) ?? 0;
      if (total > asked) tell(`it was asked for ${asked} times`);
    } else if (method === 'delete_volume' || method === 'delete_snapshot') {
      // What an interrupted create left is removed before it is made again, and the resource itself at its end.
      if (most > 2) tell('a delete runs once in a process, and once before a create is made again');
    }
  }
}
