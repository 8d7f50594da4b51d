import { performance } from 'node:perf_hooks';
import { toStderr } from './descriptor.ts';
import { reasonOf } from './identity.ts';
import type { Complain, Sink } from './sink.ts';

/** Something that takes lines: the program `logger`, or a socket of journald. */
export interface LinePeer {
  /** Takes a line; false when it has fallen behind. */
  write(line: string): boolean;
  /** Lets it read what is left, and waits until it has. */
  end(): Promise<void>;
  /** Resolves when it is gone; never rejects. */
  readonly gone: Promise<unknown>;
}

const retryInterval = 1000;
const noticeInterval = 60_000;
const longestQueue = 1000;

/** A sink whose lines go to a peer, each behind its priority (`<14>`). Rejects when the first peer cannot be had. */
export async function channelSink(
  what: string,
  connect: () => Promise<LinePeer>,
  priorityOf: (levelno: number) => number,
  complain: Complain,
): Promise<Sink> {
  const channel = new LineChannel(what, await connect(), connect, complain);
  return {
    write({ levelno }, text) {
      const priority = `<${priorityOf(levelno)}>`;
      for (const line of text.split('\n')) channel.write(priority + line);
    },
    close: () => channel.close(),
  };
}

/**
 * Keeps a peer at hand: when it goes, the next line brings another, at most one a second; lines wait meanwhile, up to a
 * thousand. A peer that falls behind gets one line a second until it takes them again. What is lost is counted and told
 * once a minute.
 */
class LineChannel {
  readonly #what: string;
  readonly #connect: () => Promise<LinePeer>;
  readonly #complain: Complain;
  readonly #queue: string[] = [];
  #peer: LinePeer | undefined;
  #connecting = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #behindSince: number | undefined;
  #lost = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `what` names it in complaints; `peer` is the first one, which `connect` made. */
  constructor(what: string, peer: LinePeer, connect: () => Promise<LinePeer>, complain: Complain) {
    this.#what = what;
    this.#connect = connect;
    this.#complain = complain;
    this.#use(peer);
  }

  /** Hands the line to the peer before it returns, if there is one that takes it. After the close it goes to standard error. */
  write(line: string): void {
    if (this.#closed) toStderr(line);
    else if (this.#peer !== undefined) this.#hand(this.#peer, line);
    else this.#keep(line);
  }

  /** Waits until the peer has read everything; one that does not end is left after `patience` milliseconds. */
  async close(patience = 1000): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const line of this.#queue.splice(0)) toStderr(line);
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([peer.end(), late]);
    clearTimeout(timer);
  }

  #hand(peer: LinePeer, line: string): void {
    const now = performance.now();
    if (this.#behindSince !== undefined && now - this.#behindSince < retryInterval) this.#lose('has fallen behind');
    else this.#behindSince = peer.write(`${line}\n`) ? undefined : now;
  }

  #keep(line: string): void {
    if (this.#queue.length < longestQueue) this.#queue.push(line);
    else this.#lose('is away');
    this.#reconnectLater();
  }

  #use(peer: LinePeer): void {
    this.#peer = peer;
    this.#connectedAt = performance.now();
    this.#behindSince = undefined;
    for (const line of this.#queue.splice(0)) this.#hand(peer, line);
    void peer.gone.then(() => {
      if (this.#peer === peer) this.#peer = undefined;
    });
  }

  #reconnectLater(): void {
    if (this.#connecting || this.#timer !== undefined) return;
    const wait = Math.max(0, this.#connectedAt + retryInterval - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#reconnect();
    }, wait).unref();
  }

  async #reconnect(): Promise<void> {
    this.#connecting = true;
    this.#connectedAt = performance.now();
    try {
      const peer = await this.#connect();
      if (this.#closed) await peer.end();
      else this.#use(peer);
    } catch (error) {
      this.#tell(`${this.#what} is away: ${reasonOf(error)}`);
    } finally {
      this.#connecting = false;
    }
  }

  #lose(why: string): void {
    this.#lost++;
    this.#tell(`${this.#what} ${why}, %d records were not sent to it`);
  }

  #tell(text: string): void {
    const now = performance.now();
    if (now - this.#toldAt < noticeInterval) return;
    this.#toldAt = now;
    this.#complain(text.replace('%d', String(this.#lost)));
  }
}
