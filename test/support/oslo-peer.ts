import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DebianRoot, type Release } from './debian-root.ts';
import { repository } from './repository.ts';

/** Whom a request is for, and what it says. */
export interface PeerRequest {
  readonly topic: string;
  readonly exchange?: string;
  readonly server?: string;
  readonly fanout?: boolean;
  readonly method: string;
  readonly version?: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly ctxt?: Readonly<Record<string, unknown>>;
  /** Seconds. */
  readonly timeout?: number;
  readonly monitor?: number;
  readonly repeat?: number;
}

/** What Python raised. */
export class PeerError extends Error {
  readonly module: string;
  readonly class: string;
  readonly kwargs: unknown;
  /** The class at the other side, of a RemoteError. */
  readonly type: unknown;

  constructor(error: { module: string; class: string; text: string; kwargs: unknown; type: unknown }) {
    super(error.text);
    this.name = error.class;
    this.module = error.module;
    this.class = error.class;
    this.kwargs = error.kwargs;
    this.type = error.type;
  }
}

interface Received {
  readonly method?: string;
  readonly ctxt?: Readonly<Record<string, unknown>>;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly event?: string;
  readonly payload?: unknown;
}

/** Milliseconds that one command may take, on a loaded machine. */
const patience = 120_000;

/** A process with oslo.messaging in it, client and server (test/support/oslo_peer.py). */
export class OsloPeer implements AsyncDisposable {
  /** What the library warned of. */
  readonly logs: string[] = [];
  readonly #child: ChildProcess;
  readonly #locks: string;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #count = 0;

  /** The oslo.messaging that comes with this release's Debian. */
  static async start(
    release: Release,
    url: string,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<OsloPeer> {
    const root = DebianRoot.of(release);
    if (root === undefined) throw new Error(DebianRoot.missing(release));
    const script = readFileSync(join(repository, 'test/support/oslo_peer.py'), 'utf8');
    const args = ['-W', 'ignore', '-c', script, url, JSON.stringify(options)];
    // The queue manager counts under a lock of oslo.concurrency, which has no folder for it otherwise.
    const locks = await mkdtemp('/tmp/oslo-peer-');
    const env = { ...root.env, OSLO_LOCK_PATH: locks };
    const child = root.spawn('/usr/bin/python3', args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const peer = new OsloPeer(child, locks);
    await peer.#answer(0, 'start');
    return peer;
  }

  private constructor(child: ChildProcess, locks: string) {
    this.#child = child;
    this.#locks = locks;
    if (child.stdout === null) throw new Error('the peer has no output');
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line)));
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the peer ended'));
    });
  }

  /** Rejects with PeerError. */
  call(request: PeerRequest): Promise<unknown> {
    return this.#do('call', request);
  }

  async cast(request: PeerRequest): Promise<void> {
    await this.#do('cast', request);
  }

  /** Casts with `id` from '0' on, for so many seconds; resolves with how many. */
  async casts(request: PeerRequest & { seconds: number; pause: number }): Promise<number> {
    return Number(await this.#do('casts', request));
  }

  /** Methods: echo, nothing, slow, fail; anything else is noted. */
  async serve(topic: string, server: string, exchange?: string): Promise<void> {
    await this.#do('serve', { topic, server, ...(exchange === undefined ? {} : { exchange }) });
  }

  async listen(topic: string): Promise<void> {
    await this.#do('listen', { topic });
  }

  async received(): Promise<readonly Received[]> {
    return (await this.#do('received', {})) as readonly Received[];
  }

  /** The classes that a caller would see for these failures. */
  async rebuild(failures: readonly string[]): Promise<readonly string[]> {
    return (await this.#do('rebuild', { failures })) as readonly string[];
  }

  async replyQueue(): Promise<string> {
    return String(await this.#do('reply_queue', {}));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.stdin?.end();
      const late = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(late);
    }
    await rm(this.#locks, { recursive: true, force: true });
  }

  #do(what: string, fields: object): Promise<unknown> {
    this.#count += 1;
    const answer = this.#answer(this.#count, what);
    this.#child.stdin?.write(`${JSON.stringify({ ...fields, do: what, id: this.#count })}\n`);
    return answer;
  }

  /** What oslo.messaging cannot declare it tries for ever: nobody waits as long. */
  async #answer(id: number, what: string): Promise<unknown> {
    let late: NodeJS.Timeout | undefined;
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const tell = (): string => `the peer did not ${what} in ${patience} ms; its last words: ${this.logs.slice(-3)}`;
      late = setTimeout(() => reject(new Error(tell())), patience);
    });
    return await answer.finally(() => clearTimeout(late));
  }

  #take(line: {
    id?: number;
    result?: unknown;
    error?: ConstructorParameters<typeof PeerError>[0];
    log?: string;
  }): void {
    if (line.log !== undefined) {
      this.logs.push(line.log);
      return;
    }
    const id = line.id ?? 0;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (line.error === undefined) waiting?.resolve(line.result);
    else waiting?.reject(new PeerError(line.error));
  }
}
