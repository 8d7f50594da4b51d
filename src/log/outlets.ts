import type { Level } from '../base/log.ts';
import { makeFormat } from './formats.ts';
import type { LogIdentity } from './identity.ts';
import type { LogValues } from './options.ts';
import { type Outlet, outletsOf, type Routing } from './routing.ts';
import { routingFromOptions } from './routing-from-options.ts';
import type { Complain, Sink } from './sink.ts';
import { openSink } from './sinks.ts';
import type { Format } from './text-format.ts';

/** A place that is open, the spelling of records there, and the level from which it takes them. */
export interface OpenOutlet {
  readonly sink: Sink;
  readonly format: Format;
  readonly level: Level;
}

/** Everything that a configuration opens. */
export class Outlets {
  readonly routing: Routing;
  readonly #sinks: ReadonlyMap<string, Sink>;
  readonly #open: ReadonlyMap<Outlet, OpenOutlet>;

  /** Before anything is open. */
  static readonly none = new Outlets({ rules: new Map(), warnings: [] }, new Map(), new Map());

  private constructor(routing: Routing, sinks: ReadonlyMap<string, Sink>, open: ReadonlyMap<Outlet, OpenOutlet>) {
    this.routing = routing;
    this.#sinks = sinks;
    this.#open = open;
  }

  /** Opens what `values` name; a place that `before` has open is taken over. When one fails, those just opened are closed. */
  static async open(values: LogValues, identity: LogIdentity, before: Outlets, complain: Complain): Promise<Outlets> {
    const routing = await routingOf(values, identity);
    const sinks = new Map<string, Sink>();
    const formats = new Map<string, Format>();
    const open = new Map<Outlet, OpenOutlet>();
    const outlets = new Outlets(routing, sinks, open);
    try {
      for (const outlet of [...routing.rules.values()].flatMap((rule) => rule.outlets)) {
        const place = JSON.stringify(outlet.sink);
        const spelling = JSON.stringify(outlet.format);
        const sink = sinks.get(place) ?? before.#sinks.get(place) ?? (await openSink(outlet.sink, identity, complain));
        const format = formats.get(spelling) ?? (await makeFormat(outlet.format, values, identity));
        sinks.set(place, sink);
        formats.set(spelling, format);
        open.set(outlet, { sink, format, level: outlet.level });
      }
      return outlets;
    } catch (error) {
      await outlets.closeUnless(before);
      throw error;
    }
  }

  get sinks(): Iterable<Sink> {
    return this.#sinks.values();
  }

  get usesStdout(): boolean {
    return [...this.#open.keys()].some(({ sink }) => sink.kind === 'stdout');
  }

  /** Where the records of a logger go. */
  of(name: string): readonly OpenOutlet[] {
    return outletsOf(this.routing, name).flatMap((outlet) => this.#open.get(outlet) ?? []);
  }

  /** Closes what `kept` does not use. */
  async closeUnless(kept: Outlets): Promise<void> {
    const closing = [...this.#sinks].filter(([place, sink]) => kept.#sinks.get(place) !== sink);
    await Promise.all(closing.map(([, sink]) => sink.close()));
  }
}

/** The file of `log_config_append` decides everything, where it is set. */
async function routingOf(values: LogValues, identity: LogIdentity): Promise<Routing> {
  if (values.log_config_append === undefined) return routingFromOptions(values, identity);
  return (await import('./routing-from-file.ts')).routingFromFile(values.log_config_append);
}
