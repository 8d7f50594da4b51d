import { randomUUID } from 'node:crypto';
import { clientCommand } from '../support/client-command.ts';
import type { CommandResult, Daemon } from '../support/daemon.ts';
import type { Findings } from './findings.ts';
import type { Content } from './patterns.ts';
import type { Requests } from './requests.ts';
import type { Rows } from './rows.ts';

/** What all lanes share. */
export interface Yard {
  readonly daemon: Daemon;
  readonly rows: Rows;
  readonly findings: Findings;
  readonly random: () => number;
  /** What each volume and snapshot must hold. */
  readonly contents: Map<string, Content>;
  /** How often an extend of a volume was sent. */
  readonly extendsOf: Map<string, number>;
  readonly requests: Requests;
}

type Flavour = 'wait' | 'no wait' | 'rpc';

/** Looks once everything is at rest, and says what was not as promised. */
type Later = () => string | undefined;

const mostVolumes = 5;

/**
 * One client that asks for one thing after the other, of volumes and snapshots that nobody else touches: so it can tell
 * whether each answer was true.
 */
export class Lane {
  readonly #yard: Yard;
  readonly #backend: string;
  /** Asked for in this round without waiting: not to be touched before everything is at rest. */
  readonly #pending = new Map<string, Later>();

  constructor(yard: Yard, backend: string) {
    this.#yard = yard;
    this.#backend = backend;
    this.#name = `${backend}-${randomUUID().slice(0, 8)}`;
  }

  readonly #name: string;

  /** Works until `isOver`. */
  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) await this.#next();
  }

  /** Says, when everything is at rest, what became of that for which nobody waited. */
  settle(): void {
    for (const [what, look] of this.#pending) {
      const fault = look();
      if (fault !== undefined) this.#yard.findings.violated(`${what}: ${fault}`);
    }
    this.#pending.clear();
  }

  async #next(): Promise<void> {
    const { rows, random } = this.#yard;
    const mine = `display_name like '${this.#name}%'`;
    const volumes = rows.volumes(mine).filter(({ id }) => !this.#pending.has(id));
    const snapshots = rows.snapshots(mine).filter(({ id }) => !this.#pending.has(id));
    const usable = volumes.filter(({ status }) => status === 'available');
    const broken = volumes.filter(({ status }) => status.startsWith('error'));
    const volume = usable[Math.floor(random() * usable.length)];
    const snapshot = snapshots[Math.floor(random() * snapshots.length)];
    const flavour = (['wait', 'wait', 'no wait', 'rpc'] as const)[Math.floor(random() * 4)] ?? 'wait';
    const dice = random();
    if (broken[0] !== undefined && dice < 0.5) return this.#deleteVolume(broken[0].id, 'wait');
    if (volume === undefined || (volumes.length < mostVolumes && dice < 0.2)) return this.#create(flavour, {});
    if (volumes.length < mostVolumes && dice < 0.35) return this.#create(flavour, { source: volume.id });
    if (snapshot?.status === 'available' && volumes.length < mostVolumes && dice < 0.5)
      return this.#create(flavour, { snapshot: snapshot.id });
    if (snapshots.length < mostVolumes && dice < 0.65) return this.#snapshot(volume.id, flavour);
    if (snapshot !== undefined && dice < 0.8) return this.#deleteSnapshot(snapshot.id, flavour);
    if (dice < 0.88 && volume.size < 4) return this.#extend(volume.id, volume.size, flavour);
    return this.#deleteVolume(volume.id, flavour);
  }

  async #create(flavour: Flavour, from: { readonly source?: string; readonly snapshot?: string }): Promise<void> {
    const { rows, contents, findings, requests } = this.#yard;
    const name = `${this.#name}-v-${randomUUID().slice(0, 8)}`;
    const source = from.source ?? from.snapshot;
    const what = source === undefined ? 'create' : from.source === undefined ? 'create from snapshot' : 'clone';
    const row = () => rows.volumes(`display_name = '${name}'`)[0];
    // Nobody writes to a source while it is copied: marks are written at rest.
    const content = source === undefined ? undefined : contents.get(source);
    if (flavour === 'rpc') {
      const id = await requests.create(this.#backend, name, from);
      contents.set(id, content);
      this.#later(id, `${what} of ${id} by RPC`, () => (row() === undefined ? 'it is gone' : undefined));
      findings.operation(`${what} (rpc)`, 'done');
      return;
    }
    const words = ['volume', 'create', '--backend', this.#backend, name, '-f', 'json'];
    if (from.source !== undefined) words.push('--source', from.source);
    else if (from.snapshot !== undefined) words.push('--snapshot', from.snapshot);
    else words.push('--size', '1');
    if (flavour === 'wait') words.push('--wait');
    const result = await this.#run(what, words);
    const made = row();
    if (made !== undefined) contents.set(made.id, content);
    const fault = `${what} ${flavour}: ${said(result)}, and the volume is ${made?.status ?? 'not there'}`;
    if (result.code !== 0) {
      const told = made === undefined || (made.status.startsWith('error') && / is error/.test(result.stderr));
      if (!told) findings.violated(fault);
    } else if (made === undefined || (flavour === 'wait' && made.status !== 'available')) {
      findings.violated(fault);
    } else if (flavour === 'no wait') {
      this.#later(made.id, `${what} of ${made.id}`, () => (row() === undefined ? 'it is gone' : undefined));
    }
  }

  async #snapshot(volume: string, flavour: Flavour): Promise<void> {
    const { rows, contents, findings, requests } = this.#yard;
    const name = `${this.#name}-s-${randomUUID().slice(0, 8)}`;
    const row = () => rows.snapshots(`display_name = '${name}'`)[0];
    if (flavour === 'rpc') {
      const id = await requests.snapshot(volume, name);
      contents.set(id, contents.get(volume));
      this.#later(volume, `snapshot of ${volume}`, () => undefined);
      this.#later(id, `snapshot ${id} by RPC`, () => (row() === undefined ? 'it is gone' : undefined));
      findings.operation('snapshot (rpc)', 'done');
      return;
    }
    const words = ['snapshot', 'create', '--volume', volume, name, '-f', 'json'];
    if (flavour === 'wait') words.push('--wait');
    const result = await this.#run('snapshot', words);
    const made = row();
    if (made !== undefined) contents.set(made.id, contents.get(volume));
    const fault = `snapshot ${flavour}: ${said(result)}, and it is ${made?.status ?? 'not there'}`;
    if (result.code !== 0) {
      const told = made === undefined || (made.status === 'error' && / is error/.test(result.stderr));
      if (!told) findings.violated(fault);
    } else if (made === undefined || (flavour === 'wait' && made.status !== 'available')) {
      findings.violated(fault);
    } else if (flavour === 'no wait') {
      this.#later(volume, `snapshot of ${volume}`, () => undefined);
      this.#later(made.id, `snapshot ${made.id}`, () => (row() === undefined ? 'it is gone' : undefined));
    }
  }

  async #deleteSnapshot(id: string, flavour: Flavour): Promise<void> {
    const { rows, findings, requests } = this.#yard;
    const before = rows.snapshot(id);
    if (before === undefined) return;
    const gone = () => (rows.snapshot(id) === undefined ? undefined : 'it is still there');
    if (flavour === 'rpc') {
      await requests.deleteSnapshot(id);
      this.#later(before.volume_id, `delete of a snapshot of ${before.volume_id}`, () => undefined);
      this.#later(id, `delete of snapshot ${id} by RPC`, gone);
      findings.operation('delete snapshot (rpc)', 'done');
      return;
    }
    const result = await this.#run('delete snapshot', [
      'snapshot',
      'delete',
      id,
      ...(flavour === 'wait' ? ['--wait'] : []),
    ]);
    const after = rows.snapshot(id)?.status;
    const fault = `delete of snapshot ${id} ${flavour}: ${said(result)}, and it is ${after ?? 'gone'}`;
    if (result.code !== 0 ? after !== before.status : flavour === 'wait' && after !== undefined)
      findings.violated(fault);
    if (result.code === 0 && flavour === 'no wait') {
      this.#later(before.volume_id, `delete of a snapshot of ${before.volume_id}`, () => undefined);
      this.#later(id, `delete of snapshot ${id}`, gone);
    }
  }

  async #extend(id: string, size: number, flavour: Flavour): Promise<void> {
    const { rows, extendsOf, findings, requests } = this.#yard;
    extendsOf.set(id, (extendsOf.get(id) ?? 0) + 1);
    const grown = () => {
      const now = rows.volume(id);
      const isTrue = now?.status === 'error_extending' || (now?.status === 'available' && now.size === size + 1);
      return isTrue ? undefined : `it is ${now?.status ?? 'gone'} and has ${now?.size} GiB, not ${size + 1}`;
    };
    if (flavour === 'rpc') {
      await requests.extend(id, size + 1);
      this.#later(id, `extend of ${id} by RPC`, () => undefined);
      findings.operation('extend (rpc)', 'done');
      return;
    }
    const words = ['volume', 'extend', id, '--size', String(size + 1), ...(flavour === 'wait' ? ['--wait'] : [])];
    const result = await this.#run('extend', words);
    const now = rows.volume(id);
    if (result.code === 0 && flavour === 'no wait') this.#later(id, `extend of ${id}`, grown);
    else if (result.code === 0) {
      if (now?.size !== size + 1 || now.status !== 'available')
        findings.violated(`extend of ${id}: ${said(result)}, and it is ${now?.status} and has ${now?.size} GiB`);
    } else {
      const told = now?.size === size && (now.status === 'available' || now.status === 'error_extending');
      if (!told)
        findings.violated(`extend of ${id}: ${said(result)}, and it is ${now?.status} and has ${now?.size} GiB`);
    }
  }

  async #deleteVolume(id: string, flavour: Flavour): Promise<void> {
    const { rows, findings, requests } = this.#yard;
    const before = rows.volume(id);
    if (before === undefined) return;
    const snapshots = rows.snapshots(`volume_id = '${id}'`);
    if (snapshots.some((snapshot) => this.#pending.has(snapshot.id))) return;
    const gone = () => (rows.volume(id) === undefined ? undefined : 'it is still there');
    if (flavour === 'rpc') {
      if (snapshots.length > 0) return;
      await requests.deleteVolume(id);
      this.#later(id, `delete of ${id} by RPC`, gone);
      findings.operation('delete (rpc)', 'done');
      return;
    }
    const words = ['volume', 'delete', id, ...(snapshots.length > 0 ? ['--cascade'] : [])];
    if (flavour === 'wait') words.push('--wait');
    const result = await this.#run('delete', words);
    const after = rows.volume(id)?.status;
    const fault = `delete of ${id} ${flavour}: ${said(result)}, and it is ${after ?? 'gone'}`;
    if (result.code !== 0 ? after !== before.status : flavour === 'wait' && after !== undefined)
      findings.violated(fault);
    if (result.code === 0 && flavour === 'no wait') {
      this.#later(id, `delete of ${id}`, gone);
      for (const snapshot of snapshots) this.#later(snapshot.id, `delete of ${id}`, () => undefined);
    }
  }

  #later(id: string, what: string, look: Later): void {
    const before = this.#pending.get(id);
    this.#pending.set(id, () => {
      const fault = before?.() ?? look();
      return fault === undefined ? undefined : `${what}: ${fault}`;
    });
  }

  async #run(what: string, words: readonly string[]): Promise<CommandResult> {
    const result = await clientCommand(this.#yard.daemon, words);
    this.#yard.findings.operation(what, result.code === 0 ? 'done' : 'failed');
    return result;
  }
}

function said({ code, stderr }: CommandResult): string {
  return `exit ${code}${stderr === '' ? '' : `, '${stderr.trim()}'`}`;
}
