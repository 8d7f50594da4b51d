import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { Cinder } from './cinder.ts';
import { Daemon, type DaemonOptions, fileBackend, type Section } from './daemon.ts';
import { DebianRoot, type Release } from './debian-root.ts';
import type { Deployment } from './deployment.ts';
import { startMariadb } from './mariadb-server.ts';
import { startPostgres } from './postgres-server.ts';
import type { PrivateServer } from './private-server.ts';
import { RabbitMQ } from './rabbitmq.ts';

export interface WholeCinderOptions {
  readonly broker: Release;
  readonly database: 'mariadb' | 'postgresql';
  /** More of `[DEFAULT]` for everybody, and other sections. */
  readonly defaults?: Section;
  readonly sections?: Readonly<Record<string, Section>>;
  /** More for the daemon's backends. */
  readonly backend?: Section;
  /** Makes what the backends stand on below `folder`, before the daemon starts; `undo` is for when it has ended. */
  readonly ground?: (folder: string, undo: (step: () => unknown) => void) => Ground;
}

/** What the daemon gets for what was made for it. */
export interface Ground {
  /** More for each backend. */
  readonly backends: Readonly<Partial<Record<(typeof backends)[number], Section>>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Cinder's own services with what they stand on. */
export interface CinderBase {
  readonly folder: string;
  readonly cinder: Cinder;
  readonly broker: RabbitMQ;
  readonly database: PrivateServer;
  /** The database of Cinder, as SQLAlchemy reads it. */
  readonly databaseUrl: string;
  readonly transportUrl: string;
}

/** A whole Cinder: the daemon as well. */
export interface WholeCinder extends CinderBase, Deployment {
  readonly cinder: Cinder;
}

const host = 'labhost';
const backends = ['one', 'two'] as const;

/**
 * A database, a broker, Debian's cinder-api and cinder-scheduler, and the daemon with two backends whose volumes are files:
 * all started once for the tests of `body`, on free ports of loopback and in a folder of its own.
 */
export function aroundTheDaemon(title: string, options: WholeCinderOptions, body: (whole: () => WholeCinder) => void) {
  const noBroker = DebianRoot.of(options.broker) === undefined && DebianRoot.missing(options.broker);
  const noGround = options.ground !== undefined && process.getuid?.() !== 0 && 'only root can mount a share';
  const skip = noBroker || noGround;
  describe(title, { skip }, () => {
    let whole: (WholeCinder & AsyncDisposable) | undefined;
    before(async () => {
      whole = await startWholeCinder(options);
    });
    after(() => whole?.[Symbol.asyncDispose]());
    body(() => {
      if (whole === undefined) throw new Error('Cinder did not start');
      return whole;
    });
  });
}

/** A database, a broker, cinder-api and cinder-scheduler. */
export async function startCinderBase(options: WholeCinderOptions): Promise<CinderBase & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'vd-whole-'));
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const dispose = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const database = await (options.database === 'mariadb' ? startMariadb() : startPostgres());
    undo.push(() => database.stop());
    const broker = await RabbitMQ.start(options.broker);
    undo.push(() => broker[Symbol.asyncDispose]());
    await database.admin('create database cinder');
    const databaseUrl = database.url('cinder');
    const transportUrl = broker.url();
    const cinder = await Cinder.start({
      folder: join(folder, 'peers'),
      database: databaseUrl,
      transport: transportUrl,
      ...(options.defaults && { defaults: options.defaults }),
      ...(options.sections && { sections: options.sections }),
    });
    undo.push(() => cinder[Symbol.asyncDispose]());
    return { folder, broker, database, databaseUrl, transportUrl, cinder, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startWholeCinder(options: WholeCinderOptions): Promise<WholeCinder & AsyncDisposable> {
  const base = await startCinderBase(options);
  const undo: (() => unknown)[] = [() => base[Symbol.asyncDispose]()];
  const dispose = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const ground = options.ground?.(base.folder, (step) => undo.push(step));
    const daemon = new Daemon(join(base.folder, 'daemon'), daemonOptions(base, options, ground));
    undo.push(() => daemon.destroy());
    await daemon.startUp();
    return {
      ...base,
      daemon,
      host,
      backends,
      files: (name) => join(daemon.folder, name),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function daemonOptions(
  { databaseUrl, transportUrl }: CinderBase,
  options: WholeCinderOptions,
  ground: Ground | undefined,
): DaemonOptions {
  const section = (name: (typeof backends)[number]): Section => ({
    ...fileBackend,
    volume_backend_name: name,
    target_helper: 'local',
    ...options.backend,
    ...ground?.backends[name],
  });
  return {
    backends: Object.fromEntries(backends.map((name) => [name, section(name)])),
    defaults: { host, transport_url: transportUrl, periodic_fuzzy_delay: 0, ...options.defaults },
    sections: { ...options.sections, database: { connection: databaseUrl } },
    ...(ground?.env && { env: ground.env }),
  };
}
