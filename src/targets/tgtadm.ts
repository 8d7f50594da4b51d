import { Backoff } from '../base/retry.ts';
import { type Executor, ProcessExecutionError } from '../interface/executor.ts';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';
import { type Chap, randomText } from './chap.ts';
import { canReach, relaySecret } from './secret-relay.ts';
import { TgtListing } from './tgt-listing.ts';

/** Which tgtd. */
export interface TgtdAddress {
  /** `TGT_IPC_SOCKET`: the control socket without the port that tgtd appends; the system's by default. */
  readonly socket?: string;
  readonly controlPort: number;
  /** Where it is reached instead of at `target_ip_address` and `target_port`: a private tgtd has a portal of its own. */
  readonly portal?: { readonly address: string; readonly port: number };
  /** It runs as another user, as root: tgtadm needs the root helper. */
  readonly asRoot?: boolean;
}

export const systemTgtd: TgtdAddress = { controlPort: 0, asRoot: true };

/** The file of a tgtd's control socket. */
export function controlSocket(address: TgtdAddress): string {
  return `${address.socket ?? '/var/run/tgtd/socket'}.${address.controlPort}`;
}

/** Answers of tgtd that a caller may have expected. Its exit code is 22 for all of them. */
export const answers = {
  targetExists: /this target already exists/,
  noTarget: /can't find the target/,
  targetActive: /this target is still active/,
  lunActive: /this logical unit is still active/,
  noLun: /can't find the logical unit/,
  noConnection: /can't find the (session|connection)/,
  accountExists: /this account already exists/,
  noAccount: /can't find the account/,
  ruleExists: /this access control rule already exists/,
  noRule: /this access control rule does not exist/,
};

const silent = /can't connect to tgt daemon|failed to send request hdr|can't get the response/;

export interface TgtadmSettings {
  readonly address: TgtdAddress;
  /** How often it is tried when tgtd does not answer, as while it restarts. */
  readonly tries: number;
  /** Folder of ours where a socket may stand for a moment. */
  readonly folder: string;
}

/** Talks to tgtd by its command (3 to 5 ms a call). */
export class Tgtadm {
  readonly #exec: Executor;
  readonly #settings: TgtadmSettings;

  constructor(exec: Executor, settings: TgtadmSettings) {
    this.#exec = exec;
    this.#settings = settings;
  }

  /** Throws, naming the socket, unless tgtd answers. */
  async ping(signal?: AbortSignal): Promise<void> {
    await this.#run(['--op', 'show', '--mode', 'sys'], signal);
  }

  async targets(signal?: AbortSignal): Promise<TgtListing> {
    return new TgtListing(await this.#run(['--op', 'show', '--mode', 'target'], signal));
  }

  /** Tells tgtd to do something. False: it gave one of the answers that the caller names, and did nothing. */
  async tell(args: readonly string[], tolerated: readonly RegExp[] = [], signal?: AbortSignal): Promise<boolean> {
    return this.#tolerate(() => this.#run(args, signal), tolerated);
  }

  /**
   * Makes an account; false when there is one of that name. The password goes over the control socket and never stands in
   * a process list, unless that socket is open to root alone and we are not root.
   */
  async newAccount({ user, password }: Chap, signal?: AbortSignal): Promise<boolean> {
    const args = (word: string) => ['--op', 'new', '--mode', 'account', '--user', user, '--password', word];
    const socket = controlSocket(this.#settings.address);
    return this.#tolerate(async () => {
      if (!(await canReach(socket))) return this.#run(args(password), signal, [password]);
      const standIn = randomText(password.length);
      return relaySecret({ socket, folder: this.#settings.folder, standIn, secret: password }, (relay) =>
        this.#once(args(standIn), relay, signal, [standIn]),
      );
    }, [answers.accountExists]);
  }

  async #tolerate(body: () => Promise<unknown>, tolerated: readonly RegExp[]): Promise<boolean> {
    try {
      await body();
      return true;
    } catch (error) {
      const answer = error instanceof VolumeBackendAPIException ? error.cause : error;
      if (answer instanceof ProcessExecutionError && tolerated.some((text) => text.test(answer.stderr))) return false;
      throw error;
    }
  }

  async #run(args: readonly string[], signal?: AbortSignal, secrets: readonly string[] = []): Promise<string> {
    const backoff = new Backoff({ first: 100, most: 1000 });
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(args, this.#settings.address.socket, signal, secrets);
      } catch (error) {
        const isSilent = error instanceof ProcessExecutionError && silent.test(error.stderr);
        if (!isSilent) throw error;
        if (tries >= this.#settings.tries) throw noAnswer(this.#settings.address, error);
      }
      await backoff.wait(signal);
    }
  }

  async #once(
    args: readonly string[],
    socket: string | undefined,
    signal: AbortSignal | undefined,
    secrets: readonly string[],
  ): Promise<string> {
    const { controlPort, asRoot = false } = this.#settings.address;
    const { stdout } = await this.#exec.run('tgtadm', ['-C', String(controlPort), '--lld', 'iscsi', ...args], {
      timeout: 30_000,
      asRoot,
      secrets,
      ...(signal && { signal }),
      ...(socket !== undefined && { env: { TGT_IPC_SOCKET: socket } }),
    });
    return stdout;
  }
}

function noAnswer(address: TgtdAddress, cause: ProcessExecutionError): VolumeBackendAPIException {
  const data = `tgtd does not answer on ${controlSocket(address)}: is it running?`;
  return new VolumeBackendAPIException({ data }, { cause });
}
