import { type Facts, type Level, type Logger, logContext } from '../base/log.ts';
import { callerOf } from './caller.ts';
import { levelNumbers } from './level.ts';
import { type LogRecord, makeRecord } from './record.ts';

/** What a logger does with its records, as the configuration has it now. */
export interface Conduct {
  /** Records below it are not made. */
  readonly threshold: number;
  /** Whether records of this level carry the place of their call. */
  needsCaller(levelno: number): boolean;
  write(record: LogRecord): void;
}

const none: Facts = {};

/** The logger of one name. A call below its threshold makes nothing (G-083). */
export class NamedLogger implements Logger {
  readonly #name: string;
  #conduct: Conduct;
  #threshold: number;

  constructor(name: string, conduct: Conduct) {
    this.#name = name;
    this.#conduct = conduct;
    this.#threshold = conduct.threshold;
  }

  /** From now on the logger behaves so. */
  follow(conduct: Conduct): void {
    this.#conduct = conduct;
    this.#threshold = conduct.threshold;
  }

  get threshold(): number {
    return this.#threshold;
  }

  debug(template: string, ...values: unknown[]): void {
    if (this.#threshold <= levelNumbers.DEBUG) this.#write('DEBUG', none, template, values, this.debug);
  }

  info(template: string, ...values: unknown[]): void {
    if (this.#threshold <= levelNumbers.INFO) this.#write('INFO', none, template, values, this.info);
  }

  warning(template: string, ...values: unknown[]): void {
    if (this.#threshold <= levelNumbers.WARNING) this.#write('WARNING', none, template, values, this.warning);
  }

  error(template: string, ...values: unknown[]): void {
    if (this.#threshold <= levelNumbers.ERROR) this.#write('ERROR', none, template, values, this.error);
  }

  exception(error: unknown, template: string, ...values: unknown[]): void {
    if (this.#threshold <= levelNumbers.ERROR) this.#write('ERROR', { error }, template, values, this.exception);
  }

  log(level: Level, facts: Facts, template: string, ...values: unknown[]): void {
    if (this.isEnabledFor(level)) this.#write(level, facts, template, values, this.log);
  }

  isEnabledFor(level: Level): boolean {
    return this.#threshold <= levelNumbers[level];
  }

  #write(
    level: Level,
    facts: Facts,
    template: string,
    values: readonly unknown[],
    called: (...args: never[]) => unknown,
  ): void {
    const caller = this.#conduct.needsCaller(levelNumbers[level]) ? callerOf(called) : undefined;
    const context = logContext();
    this.#conduct.write(makeRecord({ level, facts, name: this.#name, template, values, context, caller }));
  }
}
