import { AsyncLocalStorage } from 'node:async_hooks';

/** Level words of the log, as upstream prints them (G-019). */
export type Level = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** What a record carries beside its text. */
export interface Facts {
  /** The exception that the record is about: its summary ends the line, its stack follows (G-016, G-017). */
  readonly error?: unknown;
  /** The resource that the record is about: printed where the format says `%(instance)s` (G-014). */
  readonly resource?: string;
  /** Stable name of a lifecycle line in JSON output, such as `child.exited` (G-034). */
  readonly event?: string;
  /**
   * What is away, such as `database` or `broker`. The records of one outage share a budget of 20 lines a minute, and only
   * the first of them shows its stack (G-062). A DatabaseError of kind `away` or `full` marks its record by itself.
   */
  readonly outage?: string;
  /** What is back: the outage of that name is over. */
  readonly recovered?: string;
}

/**
 * Writes records under one dotted name. `template` is fixed text with Python's `%s`, `%d`, `%r`, `%.2f`; the values
 * stand beside it and are put in only if the record is written (G-083, G-084). Secrets are masked by the log (G-090).
 */
export interface Logger {
  debug(template: string, ...values: unknown[]): void;
  info(template: string, ...values: unknown[]): void;
  warning(template: string, ...values: unknown[]): void;
  error(template: string, ...values: unknown[]): void;
  /** ERROR with the summary and the stack of `error`, as Python's `LOG.exception`. */
  exception(error: unknown, template: string, ...values: unknown[]): void;
  /** Any level, with what the record carries beside its text. */
  log(level: Level, facts: Facts, template: string, ...values: unknown[]): void;
  /** Whether a record at this level would be written: for values that cost something to make. */
  isEnabledFor(level: Level): boolean;
}

/** Gives the logger of a dotted name, such as `cinder.volume.manager`; the name decides its level (G-042). */
export type Logs = (name: string) => Logger;

/** Levels while the process runs: what get_log_levels and set_log_levels ask for. Nothing of it outlives the process (G-043). */
export interface LogLevels {
  /** Effective level by name, of every logger that somebody asked for and whose name starts with `prefix`. */
  levels(prefix: string): ReadonlyMap<string, string>;
  /**
   * Gives every logger whose name starts with `prefix`, also one that is asked for later, the level of that word in any
   * case. Throws InvalidInput for what is no level, and changes nothing then.
   */
  setLevels(prefix: string, level: string): void;
}

/** Who asked: what the log prints between its brackets (G-010, G-013). A request context is one. */
export interface LogContext {
  readonly request_id: string;
  readonly global_request_id?: string | null;
  readonly user_id?: string | null;
  readonly project_id?: string | null;
  readonly domain_id?: string | null;
  readonly system_scope?: string | null;
  readonly user_domain?: string | null;
  readonly project_domain?: string | null;
}

const current = new AsyncLocalStorage<LogContext>();

/** Runs `body` so that every record written in it, also after an await, bears the request id of `context` (G-023). */
export function withLogContext<T>(context: LogContext, body: () => T): T {
  return current.run(context, body);
}

/** The context of the code that runs now. */
export function logContext(): LogContext | undefined {
  return current.getStore();
}

/** Writes nothing: for code that runs before or without a log. */
export const silent: Logger = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  exception() {},
  log() {},
  isEnabledFor: () => false,
};
