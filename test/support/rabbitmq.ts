import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificates } from './certificates.ts';
import { DebianRoot, type Release } from './debian-root.ts';
import { freePort } from './private-server.ts';

export interface RabbitOptions {
  /** Those that are enabled; the preset lets AMQP 1.0 in. */
  readonly plugins?: readonly string[];
  /** Lines for rabbitmq.conf. */
  readonly conf?: readonly string[];
  /** Also by TLS, with client certificates where there are some. */
  readonly tls?: Certificates;
}

/** Whoever logs in, named as unpleasantly as oslo.messaging stands: a slash is too much for it. */
export const rabbitUser = { user: 'cin:d@r%', password: 'p,a@s:sw%?&ö' };
export const otherVirtualHost = 'open/stack %';

/** A RabbitMQ of the test's own on free ports of loopback, with its own name, cookie and folder. */
export class RabbitMQ implements AsyncDisposable {
  readonly release: Release;
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly tlsPort: number;
  readonly #root: DebianRoot;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #epmd: ChildProcess;
  #server: ChildProcess | undefined;

  /** Installed by test/system/install and broker-roots; asked before `start`. */
  static isHere(release: Release): boolean {
    return DebianRoot.of(release) !== undefined;
  }

  static async start(release: Release, options: RabbitOptions = {}): Promise<RabbitMQ> {
    const root = DebianRoot.of(release);
    if (root === undefined) throw new Error(DebianRoot.missing(release));
    const folder = await mkdtemp('/tmp/rabbitmq-');
    const [port = 0, tlsPort = 0, distribution = 0, names = 0] = await Promise.all(Array.from({ length: 4 }, freePort));
    const env = {
      ...root.env,
      HOME: folder,
      RABBITMQ_NODENAME: `test${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distribution),
      ERL_EPMD_PORT: String(names),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
    };
    const epmd = root.spawn('epmd', ['-port', String(names), '-address', '127.0.0.1'], { env, stdio: 'ignore' });
    const broker = new RabbitMQ({ release, root, folder, env, epmd, port, tlsPort });
    await mkdir(join(folder, 'log'));
    await writeFile(join(folder, 'rabbitmq.conf'), configuration(folder, port, tlsPort, options));
    await writeFile(join(folder, 'definitions.json'), definitions());
    await broker.setPlugins(options.plugins ?? pluginsOf(release, options));
    await broker.start();
    return broker;
  }

  private constructor(parts: {
    release: Release;
    root: DebianRoot;
    folder: string;
    env: NodeJS.ProcessEnv;
    epmd: ChildProcess;
    port: number;
    tlsPort: number;
  }) {
    this.release = parts.release;
    this.#root = parts.root;
    this.#folder = parts.folder;
    this.#env = parts.env;
    this.#epmd = parts.epmd;
    this.port = parts.port;
    this.tlsPort = parts.tlsPort;
  }

  /** `rabbit://…` with the user of this file. */
  url(virtualHost = '/', query = '', hosts: readonly string[] = [`${this.host}:${this.port}`]): string {
    const login = `${encodeURIComponent(rabbitUser.user)}:${encodeURIComponent(rabbitUser.password)}`;
    const places = hosts.map((host) => `${login}@${host}`).join(',');
    return `rabbit://${places}/${encodeURIComponent(virtualHost)}${query}`;
  }

  /** The process of the broker itself. */
  get pid(): number {
    return Number(readFileSync(join(this.#folder, 'pid'), 'utf8'));
  }

  /** The names of the plug-ins with the next start. */
  async setPlugins(names: readonly string[]): Promise<void> {
    await writeFile(join(this.#folder, 'plugins'), `[${names.join(',')}].\n`);
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    await rm(join(this.#folder, 'pid'), { force: true });
    const log = createWriteStream(join(this.#folder, 'out'), { flags: 'a' });
    await once(log, 'open');
    const options = {
      env: this.#env,
      stdio: ['ignore', log, log] as ['ignore', typeof log, typeof log],
      detached: true,
    };
    const server = this.#root.spawn(`${this.#root.rabbitmq}/rabbitmq-server`, [], options);
    this.#server = server;
    log.close();
    for (let tries = 0; tries < 900; tries++) {
      if (server.exitCode !== null) break;
      if (existsSync(join(this.#folder, 'pid')) && (await isListening(this.port))) return;
      await sleep(100);
    }
    throw new Error(`RabbitMQ did not start:\n${readFileSync(join(this.#folder, 'out'), 'utf8').slice(-2000)}`);
  }

  /** Ends it in good order, or by SIGKILL; resolves when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const gone = once(server, 'exit');
    const { pid } = this;
    process.kill(pid, signal);
    const late = setTimeout(() => process.kill(pid, 'SIGKILL'), 20_000);
    await gone;
    clearTimeout(late);
  }

  /** Says something to the broker's process, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** `rabbitmqctl`: slow, a second or more. */
  ctl(...args: readonly string[]): Promise<string> {
    return this.#root.run(`${this.#root.rabbitmq}/rabbitmqctl`, ['-q', ...args], this.#env);
  }

  /** What it wrote so far. */
  async log(): Promise<string> {
    const files = await readdir(join(this.#folder, 'log'));
    const texts = await Promise.all(
      files.map((file) => readFile(join(this.#folder, 'log', file), 'utf8').catch(() => '')),
    );
    return texts.join('');
  }

  /** Names of the queues that there are. */
  async queues(virtualHost = '/'): Promise<string[]> {
    const rows = JSON.parse(await this.ctl('list_queues', '-p', virtualHost, '--formatter', 'json', 'name')) as {
      name: string;
    }[];
    return rows.map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    const gone = once(this.#epmd, 'exit');
    if (this.#epmd.exitCode === null && this.#epmd.kill()) await gone;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function pluginsOf(release: Release, { tls }: RabbitOptions): string[] {
  return [
    ...(release === '3' ? ['rabbitmq_amqp1_0'] : []),
    ...(tls === undefined ? [] : ['rabbitmq_auth_mechanism_ssl']),
  ];
}

function configuration(folder: string, port: number, tlsPort: number, { tls, conf = [] }: RabbitOptions): string {
  const byTls =
    tls === undefined
      ? []
      : [
          `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
          `ssl_options.cacertfile = ${tls.authority}`,
          `ssl_options.certfile = ${tls.server.certificate}`,
          `ssl_options.keyfile = ${tls.server.key}`,
          'ssl_options.verify = verify_peer',
          'ssl_options.fail_if_no_peer_cert = false',
          'auth_mechanisms.1 = PLAIN',
          'auth_mechanisms.2 = AMQPLAIN',
          'auth_mechanisms.3 = EXTERNAL',
          'ssl_cert_login_from = common_name',
        ];
  const lines = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `listeners.tcp.2 = ::1:${port}`,
    `load_definitions = ${join(folder, 'definitions.json')}`,
    'vm_memory_high_watermark.absolute = 1GB',
    'disk_free_limit.absolute = 50MB',
    'log.file.level = info',
    ...byTls,
    ...conf,
  ];
  return `${lines.join('\n')}\n`;
}

/** The user of this file, and one that only logs in by certificate; two virtual hosts. */
function definitions(): string {
  const vhosts = ['/', otherVirtualHost];
  const users = [rabbitUser.user, 'cinder'];
  return JSON.stringify({
    vhosts: vhosts.map((name) => ({ name })),
    users: users.map((name) => ({
      name,
      password_hash: hashed(rabbitUser.password),
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: '',
    })),
    permissions: users.flatMap((user) =>
      vhosts.map((vhost) => ({ user, vhost, configure: '.*', write: '.*', read: '.*' })),
    ),
  });
}

function hashed(password: string): string {
  const salt = randomBytes(4);
  const digest = createHash('sha256').update(salt).update(password).digest();
  return Buffer.concat([salt, digest]).toString('base64');
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
