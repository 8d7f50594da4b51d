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
  #probe: Promise<Connection> | undefined;
  #askers = 0;

  constructor(kind: ServerKind) {
    this.#kind = kind;
  }

  /** What `answer` gives. The connection is destroyed, and so rejects `answer`, when its peer is found dead. */
  async wait<T>(answer: Promise<T>, connection: Connection): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const arm = (): void => {
      timer = setTimeout(async () => {
        const goesOn = await this.#isAtWork(connection);
        if (isOver) return;
        if (goesOn) arm();
        else connection.destroy();
      }, patience);
    };
    arm();
    try {
      return await answer;
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  /** Those who ask at the same time share one connection. */
  async #isAtWork({ id }: Connection): Promise<boolean> {
    this.#askers += 1;
    this.#probe ??= this.#kind.connect(AbortSignal.timeout(patience));
    const probe = this.#probe;
    const asked = probe.then((open) => this.#kind.isAtWork(open, id)).catch(() => false);
    const isAtWork = await Promise.race([asked, sleep(patience, false)]);
    this.#askers -= 1;
    if (this.#askers === 0) {
      this.#probe = undefined;
      probe.then((open) => open.destroy()).catch(() => {});
    }
    return isAtWork;
  }
}
