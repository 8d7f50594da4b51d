import type winston from 'winston';
import type { LogLevels, Logs } from '../base/log.ts';
import { InvalidInput } from '../objects/exceptions.ts';
import type { LogIdentity } from './identity.ts';
import { levels, levelWord, parseLevel } from './level.ts';
import { type Conduct, NamedLogger } from './named-logger.ts';
import { Noise } from './noise.ts';
import type { LogValues } from './options.ts';
import { type OpenOutlet, Outlets } from './outlets.ts';
import { rateLimitOf } from './rate-limit.ts';
import type { LogRecord } from './record.ts';
import { levelOf } from './routing.ts';

/** The log of one process. */
export interface OpenLog extends LogLevels, AsyncDisposable {
  /**
   * The logger of a name. Its records are on disk, or in the hands of the kernel, when the call returns: a signal handler
   * may log and exit (L-024). Logging never throws, and waits for nothing but the disk.
   */
  readonly logs: Logs;
  /** Opens the log file again under its name, as SIGHUP asks (G-051). */
  reopen(): void;
  /**
   * Goes over to other values, or reads the file of `log_config_append` again; loggers stay valid, no record is lost.
   * Rejects with LogError, and changes nothing, when they cannot be. Levels set by `setLevels` are kept unless these
   * values say something new about levels. Called again meanwhile, it waits for its turn.
   */
  reconfigure(values: LogValues): Promise<void>;
  /** Writes at once what is held back as sums of repeated records: the last thing before an exit (G-061). */
  flush(): void;
  /** Whether records go to standard output: where that is no terminal, nothing else belongs there (G-021, G-035). */
  readonly usesStdout: boolean;
  /** Records that were held back or dropped so far (G-060 to G-062). */
  readonly suppressed: number;
  /** Logs a warning of Node or a library, as the listener of the process' `warning` (L-022). */
  readonly warning: (warning: Error) => void;
  /** Flushes, lets syslog and journald read what is left, closes the file. Later records go to standard error. */
  close(): Promise<void>;
}

/**
 * Opens the log that the configuration describes (logging.md §1). Rejects with LogError, whose message is one line for an
 * operator, when that cannot be (L-023, G-004, G-007).
 */
export async function openLog(values: LogValues, identity: LogIdentity): Promise<OpenLog> {
  const log = new OsloLog((await import('winston')).default as Winston, identity);
  await log.reconfigure(values);
  return log;
}

/** winston's types have its Transport under another name than the package itself. */
type Winston = typeof winston & {
  readonly Transport: new (options: winston.transport.TransportStreamOptions) => winston.transport;
};

/** winston's way from the records of some loggers to the sinks. */
interface Route {
  readonly outlets: readonly OpenOutlet[];
  readonly router: winston.Logger;
  needsCaller(levelno: number): boolean;
}

class OsloLog implements OpenLog {
  readonly #winston: Winston;
  readonly #identity: LogIdentity;
  readonly #loggers = new Map<string, NamedLogger>();
  readonly #routes = new Map<string, Route>();
  #outlets = Outlets.none;
  #noise = new Noise(quiet, (record) => this.#write(record));
  #values: LogValues | undefined;
  #overrides: readonly { readonly prefix: string; readonly level: number }[] = [];
  #suppressed = 0;
  /** Changes of the configuration take their turns; the one that failed has told its caller. */
  #changing: Promise<void> = Promise.resolve();

  constructor(router: Winston, identity: LogIdentity) {
    this.#winston = router;
    this.#identity = identity;
  }

  readonly logs: Logs = (name) => {
    const known = this.#loggers.get(name);
    if (known !== undefined) return known;
    const logger = new NamedLogger(name, this.#conductOf(name));
    this.#loggers.set(name, logger);
    return logger;
  };

  readonly warning = (warning: Error): void => {
    const code = 'code' in warning ? `[${String(warning.code)}] ` : '';
    this.logs('py.warnings').warning(`${warning.name}: ${code}${warning.message}`);
  };

  reopen(): void {
    for (const sink of this.#outlets.sinks) sink.reopen?.();
  }

  reconfigure(values: LogValues): Promise<void> {
    const change = this.#changing.then(() => this.#change(values));
    this.#changing = change.catch(() => {});
    return change;
  }

  levels(prefix: string): ReadonlyMap<string, string> {
    const found = [...this.#loggers].filter(([name]) => name.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(found.map(([name, logger]) => [name, levelWord(logger.threshold)]));
  }

  setLevels(prefix: string, level: string): void {
    const number = /^\s*\d/.test(level) ? undefined : parseLevel(level);
    if (number === undefined) throw new InvalidInput({ reason: `${level} is not a valid log level.` });
    this.#overrides = [{ prefix, level: number }, ...this.#overrides.filter((one) => !one.prefix.startsWith(prefix))];
    this.#instruct();
  }

  flush(): void {
    this.#noise.flush();
  }

  get suppressed(): number {
    return this.#suppressed + this.#noise.suppressed;
  }

  get usesStdout(): boolean {
    return this.#outlets.usesStdout;
  }

  async close(): Promise<void> {
    this.#settle();
    await this.#outlets.closeUnless(Outlets.none);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #change(values: LogValues): Promise<void> {
    const rateLimit = rateLimitOf(values);
    const before = this.#outlets;
    const outlets = await Outlets.open(values, this.#identity, before, (text) => this.#complain(text));
    this.#settle();
    this.#outlets = outlets;
    this.#noise = new Noise({ dedupInterval: values.log_dedup_interval, rateLimit }, (record) => this.#write(record));
    for (const { router } of this.#routes.values()) router.close();
    this.#routes.clear();
    if (saysNewLevels(values, this.#values)) this.#overrides = [];
    this.#values = values;
    this.#instruct();
    await before.closeUnless(outlets);
    const said = before.routing.warnings;
    for (const warning of outlets.routing.warnings) if (!said.includes(warning)) this.logs(own).warning(warning);
  }

  /** Writes what the noise filter holds back, and goes on without one. */
  #settle(): void {
    this.#noise.close();
    this.#suppressed += this.#noise.suppressed;
    this.#noise = new Noise(quiet, (record) => this.#write(record));
  }

  #instruct(): void {
    for (const [name, logger] of this.#loggers) logger.follow(this.#conductOf(name));
  }

  #conductOf(name: string): Conduct {
    const override = this.#overrides.find(({ prefix }) => name.startsWith(prefix));
    return {
      threshold: override?.level ?? levelOf(this.#outlets.routing, name),
      needsCaller: (levelno) => this.#routeOf(name).needsCaller(levelno),
      write: (record) => this.#noise.filter(record),
    };
  }

  #write(record: LogRecord): void {
    this.#routeOf(record.name).router.log(record);
  }

  #routeOf(name: string): Route {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const outlets = this.#outlets.of(name);
    const route = [...this.#routes.values()].find((one) => sameOutlets(one.outlets, outlets)) ?? this.#route(outlets);
    this.#routes.set(name, route);
    return route;
  }

  #route(outlets: readonly OpenOutlet[]): Route {
    const { createLogger, Transport } = this.#winston;
    const transports = outlets.map(
      ({ sink, format, level }) =>
        new Transport({
          level,
          log(record: LogRecord, next) {
            sink.write(record, format.render(record));
            next();
          },
        }),
    );
    return {
      outlets,
      router: createLogger({ levels: order, level: 'DEBUG', format: asItIs, transports }),
      needsCaller: (levelno) => outlets.some(({ format }) => format.needsCaller(levelno)),
    };
  }

  /** A sink tells of its troubles by the log, but not while it writes a record. */
  #complain(text: string): void {
    queueMicrotask(() => this.logs(own).warning(text));
  }
}

/** The logger of what the log says of itself. */
const own = 'volume_daemon.log';

const quiet = { dedupInterval: 0, rateLimit: undefined };

/** winston counts down to the most important level. */
const order = Object.fromEntries([...levels].reverse().map((level, index) => [level, index]));

/** Each sink spells records by itself. */
const asItIs = { transform: (record: winston.Logform.TransformableInfo) => record };

function sameOutlets(some: readonly OpenOutlet[], others: readonly OpenOutlet[]): boolean {
  return some.length === others.length && some.every((outlet, index) => outlet === others[index]);
}

function saysNewLevels(values: LogValues, before: LogValues | undefined): boolean {
  return (['debug', 'log_config_append', 'default_log_levels'] as const).some(
    (name) => JSON.stringify(values[name]) !== JSON.stringify(before?.[name]),
  );
}
