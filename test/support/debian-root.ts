import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';

/** RabbitMQ by its major version; with it comes the oslo.messaging of the same Debian (14 and 16). */
export type Release = '3' | '4';

const suites: Readonly<Record<Release, string>> = { '3': 'bookworm', '4': 'trixie' };

const roots = process.env['TEST_ROOTS'] ?? '/var/cache/volume-daemon-test';

/** A Debian to run programs of: this machine's own, or one in a folder (test/system/broker-roots). */
export class DebianRoot {
  readonly folder: string;

  /** Undefined when there is none for that release: then `missing` says what to do. */
  static of(release: Release): DebianRoot | undefined {
    const folder = ['/', `${roots}/${suites[release]}`].find((root) =>
      serverOf(root)?.startsWith(`rabbitmq_server-${release}.`),
    );
    return folder === undefined ? undefined : new DebianRoot(folder);
  }

  static missing(release: Release): string {
    return `there is no RabbitMQ ${release}.x here: test/system/install and test/system/broker-roots install it`;
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Where the programs of its RabbitMQ are, as seen inside. */
  get rabbitmq(): string {
    return `/usr/lib/rabbitmq/lib/${serverOf(this.folder)}/sbin`;
  }

  spawn(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const [outer = '', ...words] = this.#words(file, args);
    return spawn(outer, words, options);
  }

  async run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const [outer = '', ...words] = this.#words(file, args);
    const options = { env: { ...this.env, ...env }, timeout: 120_000, maxBuffer: 2 ** 26 };
    return (await promisify(execFile)(outer, words, options)).stdout;
  }

  /** Programs find each other, and nothing of whoever runs the tests. */
  get env(): NodeJS.ProcessEnv {
    return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' };
  }

  /**
   * Inside another root /proc, /dev and /tmp are this machine's, in a mount namespace that ends with the program. A failed
   * mount is an error: without /proc Erlang starts, and behaves in odd ways.
   */
  #words(file: string, args: readonly string[]): string[] {
    if (this.folder === '/') return [file, ...args];
    const enter = [
      `mount --rbind /proc "$0/proc"`,
      `mount --rbind /dev "$0/dev"`,
      `mount --bind /tmp "$0/tmp"`,
      'exec chroot "$0" "$@"',
    ].join(' && ');
    return ['unshare', '--mount', 'sh', '-c', enter, this.folder, file, ...args];
  }
}

/** The folder of the RabbitMQ in a root, such as `rabbitmq_server-4.0.5`. */
function serverOf(root: string): string | undefined {
  const folder = `${root}/usr/lib/rabbitmq/lib`;
  return existsSync(folder) ? readdirSync(folder).find((name) => name.startsWith('rabbitmq_server-')) : undefined;
}
