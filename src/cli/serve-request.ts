import type { CommandLineItem } from '../config/sources.ts';
import type { ServeOption } from './serve-options.ts';

/** What the daemon is asked to do. */
export interface ServeRequest {
  /** Sources and values of the configuration, in the order of argv. */
  readonly items: readonly CommandLineItem[];
  /** The command line as it was typed. */
  readonly args: readonly string[];
  readonly embedded: boolean;
  /** Options that were given and have no effect: each is worth a WARNING (L-050, L-070). */
  readonly ignored: readonly string[];
}

/** Gathers what the options of the daemon say, one after the other. */
export class ServeRequestBuilder {
  readonly #items: CommandLineItem[] = [];
  readonly #orders = new Set<string>();
  readonly #ignored: string[] = [];

  add({ effect }: ServeOption, text: string, spelled: string): void {
    if ('source' in effect) {
      this.#items.push({ kind: effect.source, path: text });
    } else if ('sets' in effect) {
      this.#items.push({ kind: 'value', option: effect.sets, text: effect.to ?? text, spelled });
    } else if (effect.order === 'ignored') {
      this.#ignored.push(spelled);
    } else {
      this.#orders.add(effect.order);
    }
  }

  has(order: 'check' | 'embedded'): boolean {
    return this.#orders.has(order);
  }

  request(args: readonly string[]): ServeRequest {
    return {
      items: this.#items,
      args,
      embedded: this.has('embedded'),
      ignored: this.#ignored,
    };
  }

  /** Whether DEBUG was asked for here; what files say is another matter. */
  get debug(): boolean {
    const last = this.#items.findLast((item) => item.kind === 'value' && item.option === 'debug');
    return last?.kind === 'value' && last.text === 'true';
  }
}
