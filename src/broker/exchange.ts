import type { Queue } from './queue.ts';

export type ExchangeKind = 'topic' | 'fanout';

export interface ExchangeSettings {
  readonly kind: ExchangeKind;
  readonly durable: boolean;
  readonly auto_delete: boolean;
}

/** Gives a message to the queues that are bound to it. A topic exchange compares keys by their words: `*` is one, `#` any number. */
export class Exchange {
  readonly settings: ExchangeSettings;
  readonly #byKey = new Map<string, Set<Queue>>();
  readonly #patterns = new Map<string, RegExp>();

  constructor(settings: ExchangeSettings) {
    this.settings = settings;
  }

  /** Binding again what is bound changes nothing. */
  bind(key: string, queue: Queue): void {
    const queues = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, queues.add(queue));
    if (/(^|\.)[*#](\.|$)/.test(key)) this.#patterns.set(key, patternOf(key));
  }

  /** Forgets a queue. True when that was the last binding of an exchange that lives no longer than these. */
  unbind(queue: Queue): boolean {
    const before = this.#byKey.size;
    for (const [key, queues] of this.#byKey) {
      queues.delete(queue);
      if (queues.size === 0) {
        this.#byKey.delete(key);
        this.#patterns.delete(key);
      }
    }
    return this.settings.auto_delete && before > 0 && this.#byKey.size === 0;
  }

  /** The queues of a key, each once. */
  queuesFor(key: string): ReadonlySet<Queue> {
    if (this.settings.kind === 'fanout') return union(this.#byKey.values());
    const exact = this.#byKey.get(key);
    if (this.#patterns.size === 0) return exact ?? new Set();
    const matching = [...this.#patterns].filter(([, pattern]) => pattern.test(`.${key}`)).map(([name]) => name);
    return union([exact, ...matching.map((name) => this.#byKey.get(name))]);
  }
}

function union(sets: Iterable<ReadonlySet<Queue> | undefined>): ReadonlySet<Queue> {
  const all = new Set<Queue>();
  for (const set of sets) for (const queue of set ?? []) all.add(queue);
  return all;
}

function patternOf(key: string): RegExp {
  const words = key.split('.').map((word) => {
    if (word === '*') return '\\.[^.]*';
    if (word === '#') return '(?:\\.[^.]*)*';
    return `\\.${word.replaceAll(/[$()*+?.[\\\]^{|}]/g, '\\$&')}`;
  });
  return new RegExp(`^${words.join('')}$`);
}
