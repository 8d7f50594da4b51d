import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { type FileLock, takeFileLock } from '../../src/coordination/file-lock.ts';
import { accepted, type Cinder, type Peer, token } from './cinder.ts';
import { Daemon, type Section, sectionsText } from './daemon.ts';
import { DebianRoot } from './debian-root.ts';
import { eventually } from './eventually.ts';
import { sharePoint, whyNoQemu } from './nfs-share.ts';
import { type CinderBase, startCinderBase } from './whole-cinder.ts';

export const node = 'labhost';

/** How soon a service that has gone is told from one that lives, in seconds; short, for the tests wait for it. */
const defaults = { service_down_time: 20, report_interval: 5, periodic_fuzzy_delay: 0 };
const sections = { volume_daemon: { handover_grace: 5 } };

/** Cinder's own services, and what a volume service of either kind needs to serve NFS shares beside the other. */
export class Neighbourhood {
  readonly base: CinderBase;
  readonly #undo: (() => unknown)[];
  #debian: Peer | undefined;

  constructor(base: CinderBase, undo: (() => unknown)[]) {
    this.base = base;
    this.#undo = undo;
  }

  get cinder(): Cinder {
    return this.base.cinder;
  }

  /** The one that all services of the machine have. */
  get statePath(): string {
    return this.cinder.folder;
  }

  /** Where the share of a backend is mounted: what it is cannot be told from a server's. */
  folderOf(backend: string): string {
    return sharePoint(this.statePath, shareOf(backend));
  }

  /** The files on the share of a backend, but for marks. */
  filesOf(backend: string): string[] {
    return readdirSync(this.folderOf(backend)).filter((name) => !name.startsWith('.'));
  }

  /** Waits until no file is left on the share of a backend: who migrates has the rest deleted by a cast, which shows nowhere. */
  async isEmpty(backend: string): Promise<void> {
    const what = (): string => `${backend} is empty, and not ${this.filesOf(backend)}`;
    await eventually(what, () => this.filesOf(backend).length === 0, 60_000, 100);
  }

  /** A share with a bind mount in the place of the kernel's, and a file of configuration with a backend on it. */
  backend(name: string): string {
    const exported = join(this.statePath, `export-${name}`);
    for (const folder of [exported, this.folderOf(name)]) mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['--bind', exported, this.folderOf(name)]);
    this.#undo.push(() => execFileSync('umount', ['--lazy', this.folderOf(name)]));
    const shares = join(this.statePath, `shares-${name}`);
    writeFileSync(shares, `${shareOf(name)}\n`);
    const file = join(this.statePath, `${name}.conf`);
    const section: Section = {
      volume_driver: 'cinder.volume.drivers.nfs.NfsDriver',
      volume_backend_name: name,
      nfs_shares_config: shares,
      nfs_snapshot_support: true,
      nas_secure_file_operations: false,
      nas_secure_file_permissions: false,
      max_over_subscription_ratio: 1000,
    };
    writeFileSync(file, sectionsText({ DEFAULT: { enabled_backends: name }, [name]: section }));
    return file;
  }

  /** What is to be undone at the end, before all that was there already. */
  after(step: () => unknown): void {
    this.#undo.push(step);
  }

  /** Our daemon, with the files of Cinder's own services and one more, nothing of which is changed for it. */
  daemon(file: string, sections: Readonly<Record<string, Section>> = {}): Daemon {
    const folder = join(this.base.folder, 'daemon');
    const args = [this.cinder.conf, file].flatMap((each) => ['--config-file', each]);
    const daemon = new Daemon(folder, { backends: {}, args, sections });
    this.#undo.push(() => daemon.destroy());
    return daemon;
  }

  /** Starts Debian's cinder-volume, and waits until it has ended its start-up, clean-up included. */
  async startDebian(file: string): Promise<void> {
    const log = (): string => (this.cinder.peer('cinder-volume') ? this.cinder.logOf('cinder-volume') : '');
    const before = log().length;
    this.#debian = await this.cinder.run('cinder-volume', [file]);
    const done = 'Driver post RPC initialization completed successfully.';
    const what = (): string => `Debian's cinder-volume starts: ${log().slice(before).slice(-3000)}`;
    await eventually(what, () => log().slice(before).includes(done), 90_000, 100);
  }

  async stopDebian(): Promise<void> {
    await this.#debian?.stop();
  }

  /** Ends Debian's cinder-volume and its children as a loss of power would. */
  async killDebian(): Promise<void> {
    const pid = this.#debian?.pid;
    if (pid) process.kill(-pid, 'SIGKILL');
    await this.#debian?.stop();
  }

  async rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return this.base.database.admin(sql, 'cinder');
  }

  /** Waits until nobody is at work: a volume that is gone may still have its row here for a moment. */
  async isAtRest(): Promise<void> {
    let left = '';
    const none = async (): Promise<boolean> => {
      const rows = await this.rows("select * from workers where resource_type <> 'SENTINEL'");
      left = JSON.stringify(rows);
      return rows.length === 0;
    };
    await eventually(() => `there are no rows of workers: ${left}`, none, 60_000, 100);
  }

  /** Waits until services have recorded that they are at work on these volumes. */
  async areClaimed(ids: readonly string[]): Promise<void> {
    const words = ids.map((id) => `'${id}'`).join(',');
    const services = `select id from services where "binary" = 'cinder-volume'`;
    const claimed = async (): Promise<boolean> => {
      const rows = await this.rows(
        `select id from workers where service_id in (${services}) and resource_id in (${words})`,
      );
      return rows.length === ids.length;
    };
    await eventually(`${ids.join(' and ')} are claimed`, claimed, 60_000, 50);
  }

  /** Takes the lock that both drivers take for work on the files of a volume. */
  holdFiles(id: string): FileLock {
    const lock = takeFileLock(join(this.statePath, `cinder-nfs-${id}`));
    if (lock === undefined) throw new Error(`somebody works on volume ${id}`);
    return lock;
  }

  /** Volumes, snapshots and gigabytes that count against the quota of the project. */
  async quotaInUse(): Promise<Readonly<Record<string, number>>> {
    const { quota_set: set } = accepted(await this.cinder.get(`/os-quota-sets/${token.split(':')[1]}?usage=true`));
    const used = Object.entries(set as Record<string, { in_use?: number }>).map(([name, { in_use }]) => [name, in_use]);
    return Object.fromEntries(used.filter(([, count]) => count));
  }

  /** Waits until the scheduler and the API see a service as one that lives. */
  async isSeen(backend: string): Promise<void> {
    const seen = async (): Promise<boolean> => {
      const { services } = accepted(await this.cinder.get(`/os-services?host=${node}@${backend}`));
      const { pools } = accepted(await this.cinder.get('/scheduler-stats/get_pools'));
      const isThere = pools.some(({ name }: { name: string }) => name.startsWith(`${node}@${backend}#`));
      return services[0]?.state === 'up' && services[0]?.backend_state === 'up' && isThere;
    };
    await eventually(`${backend} is up`, seen, 60_000, 200);
  }
}

/** The tests of `body` share one database, one broker, cinder-api and cinder-scheduler. */
export function amongNeighbours(
  title: string,
  setUp: (those: Neighbourhood) => Promise<void>,
  body: (those: () => Neighbourhood) => void,
): void {
  describe(title, { skip: whyNone() ?? false }, () => {
    const undo: (() => unknown)[] = [];
    let those: Neighbourhood | undefined;
    before(async () => {
      const base = await startCinderBase({ broker: '3', database: 'mariadb', defaults, sections });
      undo.push(() => base[Symbol.asyncDispose]());
      those = new Neighbourhood(base, undo);
      undo.push(() => those?.stopDebian());
      await setUp(those);
    });
    after(async () => {
      for (const step of undo.splice(0).reverse()) await step();
    });
    body(() => {
      if (those === undefined) throw new Error('Cinder did not start');
      return those;
    });
  });
}

function shareOf(backend: string): string {
  return `192.0.2.1:/export/${backend}`;
}

function whyNone(): string | undefined {
  if (DebianRoot.of('3') === undefined) return DebianRoot.missing('3');
  if (process.getuid?.() !== 0) return 'only root can mount a share';
  return whyNoQemu();
}
