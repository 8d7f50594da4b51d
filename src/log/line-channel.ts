import { performance } from 'node:perf_hooks';
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
      for (const line of text.split('\n')) channel.write(`${priority}${line}\n`);
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
  #closed = false;
  #triedAt = performance.now();
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

  /** Hands the line to the peer before it returns, if there is one that takes it. */
  write(line: string): void {
    if (this.#closed) return;
    if (this.#peer !== undefined) this.#hand(this.#peer, line);
    else if (this.#queue.length < longestQueue) this.#queue.push(line);
    else this.#lose('is away');
    if (this.#peer === undefined) this.#reconnect();
  }

  /** Waits until the peer has read everything; one that does not end is left after `patience` milliseconds. */
  async close(patience = 1000): Promise<void> {
    this.#closed = true;
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
    if (this.#behindSince !== undefined && now - this.#behindSince < retryInterval) {
      this.#lose('has fallen behind');
      return;
    }
    this.#behindSince = peer.write(line) ? undefined : now;
  }

  #use(peer: LinePeer): void {
    this.#peer = peer;
    this.#behindSince = undefined;
    for (const line of this.#queue.splice(0)) this.#hand(peer, line);
    void peer.gone.then(() => {
      if (this.#peer === peer) this.#peer = undefined;
    });
  }

  #reconnect(): void {
    if (this.#connecting || performance.now() - this.#triedAt < retryInterval) return;
    this.#connecting = true;
    this.#triedAt = performance.now();
    this.#connect()
      .then(
        (peer) => (this.#closed ? peer.end() : this.#use(peer)),
        (error: unknown) =>
          this.#tell(`${this.#what} is away: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => {
        this.#connecting = false;
      });
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
