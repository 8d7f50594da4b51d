import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Section, sectionsText } from './daemon.ts';
import { eventually } from './eventually.ts';
import { freePort } from './private-server.ts';

export interface CinderOptions {
  /** Where its files and logs stand. */
  readonly folder: string;
  /** As SQLAlchemy reads it; the schema is made by `cinder-manage db sync`. */
  readonly database: string;
  /** As oslo.messaging reads it. */
  readonly transport: string;
  /** More of `[DEFAULT]`. */
  readonly defaults?: Section;
  readonly sections?: Readonly<Record<string, Section>>;
}

/** One answer of the API. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the API's JSON is looked into by its documented names
  readonly body: any;
}

const project = 'ad0000000000000000000000000000aa';
export const token = `us0000000000000000000000000000aa:${project}`;

/** Debian's cinder-api (noauth) and cinder-scheduler, unmodified, on a database and a broker that stand already. */
export class Cinder implements AsyncDisposable {
  readonly folder: string;
  readonly conf: string;
  readonly port: number;
  readonly #peers = new Map<string, Peer>();

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.conf = join(folder, 'cinder.conf');
    this.port = port;
  }

  static async start(options: CinderOptions): Promise<Cinder> {
    const cinder = new Cinder(options.folder, await freePort());
    mkdirSync(join(options.folder, 'lock'), { recursive: true });
    writeFileSync(cinder.conf, cinder.#configuration(options));
    await promisify(execFile)('cinder-manage', ['--config-file', cinder.conf, 'db', 'sync'], { timeout: 180_000 });
    await Promise.all([cinder.run('cinder-scheduler'), cinder.run('cinder-api')]);
    await eventually('cinder-api answers', async () => (await cinder.get('/types')).status === 200, 90_000, 100);
    // The default class of the database stands above quota_volumes of the file.
    await cinder.put('/os-quota-class-sets/default', {
      quota_class_set: { volumes: 100_000, snapshots: 100_000, gigabytes: 10_000_000, groups: 10_000 },
    });
    return cinder;
  }

  /** Starts one of Debian's programs with the shared configuration, and more files behind it. */
  async run(program: string, files: readonly string[] = []): Promise<Peer> {
    const words = ['--config-file', this.conf, ...files.flatMap((file) => ['--config-file', file])];
    const peer = startPeer(`/usr/bin/${program}`, words, join(this.folder, `${program}.log`));
    this.#peers.set(program, peer);
    return peer;
  }

  peer(program: string): Peer | undefined {
    return this.#peers.get(program);
  }

  logOf(program: string): string {
    return readFileSync(join(this.folder, `${program}.log`), 'utf8');
  }

  get(path: string): Promise<Answer> {
    return this.ask('GET', path);
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.ask('POST', path, body);
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.ask('PUT', path, body);
  }

  delete(path: string): Promise<Answer> {
    return this.ask('DELETE', path);
  }

  /** One request to the volume API as an administrator. */
  async ask(method: string, path: string, body?: unknown, as = token): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.port}/v3/${as.split(':')[1]}${path}`, {
      method,
      headers: {
        'X-Auth-Token': as,
        'OpenStack-API-Version': 'volume 3.70',
        'Content-Type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(150_000),
    }).catch((error: unknown) => error);
    if (!(response instanceof Response)) return { status: 0, body: String(response) };
    const text = await response.text();
    const answer = { status: response.status, body: text === '' ? undefined : parsed(text) };
    // The API itself does not say what went wrong.
    return answer.status < 500
      ? answer
      : { status: answer.status, body: { answer: answer.body, log: this.#lastErrors() } };
  }

  #lastErrors(): readonly string[] {
    const errors = this.logOf('cinder-api').match(/^.* ERROR .*\] .*$/gm) ?? [];
    return errors.slice(-3).map((line) => line.slice(0, 500));
  }

  /** An action on a volume, such as `os-extend`; throws when the API refuses it. */
  async act(kind: 'volumes' | 'snapshots' | 'groups', id: string, body: Readonly<Record<string, unknown>>) {
    return accepted(await this.post(`/${kind}/${id}/action`, body));
  }

  /** Waits until a resource is in one of the statuses; a status of error that was not asked for ends the wait. */
  async becomes(kind: string, id: string, statuses: readonly string[] | string, ms = 60_000) {
    const wanted = [statuses].flat();
    const word = kind.replace(/s$/, '');
    let last = '';
    return eventually(
      () => `${word} ${id} becomes ${wanted.join(' or ')} (it is ${last})`,
      async () => {
        const { status, body } = await this.get(`/${kind}/${id}`);
        last = status === 404 ? 'deleted' : (body?.[word]?.status ?? `HTTP ${status}`);
        if (wanted.includes(last)) return body?.[word] ?? true;
        if (last.startsWith('error')) throw new Error(`${word} ${id} is in status ${last}: ${JSON.stringify(body)}`);
        return false;
      },
      ms,
      100,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.stop()));
  }

  #configuration({ folder, database, transport, defaults = {}, sections = {} }: CinderOptions): string {
    return sectionsText({
      DEFAULT: {
        host: 'labhost',
        my_ip: '127.0.0.1',
        auth_strategy: 'noauth',
        osapi_volume_listen: '127.0.0.1',
        osapi_volume_listen_port: this.port,
        osapi_volume_workers: 1,
        api_paste_config: '/etc/cinder/api-paste.ini',
        state_path: folder,
        transport_url: transport,
        default_volume_type: '__DEFAULT__',
        scheduler_default_filters: 'CapacityFilter,CapabilitiesFilter',
        use_stderr: true,
        ...defaults,
      },
      database: { connection: database },
      oslo_concurrency: { lock_path: join(folder, 'lock') },
      oslo_messaging_notifications: { driver: 'noop' },
      ...sections,
    });
  }
}

/** Gives the body of an answer that is no refusal. */
export function accepted({ status, body }: Answer) {
  if (status < 200 || status > 299) throw new Error(`the API answers ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** A program of somebody else in a session of its own. */
export interface Peer {
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL when that does not help within 20 s. */
  stop(): Promise<void>;
}

export function startPeer(
  file: string,
  words: readonly string[],
  log: string,
  env: Readonly<Record<string, string>> = {},
): Peer {
  const output = openSync(log, 'a');
  const child = spawn(file, words, {
    stdio: ['ignore', output, output],
    detached: true,
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit');
  const signal = (name: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
  };
  return {
    pid: child.pid ?? 0,
    signal,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      signal('SIGTERM');
      const late = setTimeout(() => signal('SIGKILL'), 20_000);
      await exited;
      clearTimeout(late);
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
