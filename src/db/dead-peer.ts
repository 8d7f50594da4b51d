import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, ServerKind } from './connection.ts';

/** Milliseconds without an answer after which the server is asked; it has as long again to say something. */
const patience = 2_500;

/**
 * Notices a server that is gone without a word, where TCP alone would wait for a quarter of an hour (O-24). While a statement
 * has no answer the server is asked, on a connection of its own, whether it is at work for the one that waits: a long
 * statement and a lock go on, a dead peer is left after five seconds.
 */
export class DeadPeerWatch {
  readonly #kind: ServerKind;
  readonly #foundDead: () => void;
  #probe: Promise<Connection> | undefined;
  #askers = 0;

  /** `foundDead` hears of a server that does not even take the connection that it is asked on. */
  constructor(kind: ServerKind, foundDead: () => void) {
    this.#kind = kind;
    this.#foundDead = foundDead;
  }

  /** What `result` gives. The connection is destroyed, and so rejects `result`, when its peer is found dead. */
  async wait<T>(result: Promise<T>, connection: Connection): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const arm = (): void => {
      timer = setTimeout(async () => {
        const answer = await this.#ask(connection);
        if (isOver) return;
        if (answer === true) {
          arm();
          return;
        }
        if (answer === undefined) this.#foundDead();
        connection.destroy();
      }, patience);
    };
    arm();
    try {
      return await result;
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  /** Whether the server is at work for a connection; undefined without an answer. Who ask at once share one connection. */
  async #ask({ id }: Connection): Promise<boolean | undefined> {
    this.#askers += 1;
    this.#probe ??= this.#kind.connect(AbortSignal.timeout(patience));
    const probe = this.#probe;
    const asked = probe.then((open) => this.#kind.isAtWork(open, id)).catch(() => undefined);
    const answer = await Promise.race([asked, sleep(patience, undefined)]);
    this.#askers -= 1;
    if (this.#askers === 0) {
      this.#probe = undefined;
      probe.then((open) => open.destroy()).catch(() => {});
    }
    return answer;
  }
}
