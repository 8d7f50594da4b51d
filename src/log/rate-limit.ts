import { performance } from 'node:perf_hooks';
import { LogError } from './identity.ts';
import { parseLevel } from './level.ts';
import type { LogValues } from './options.ts';
import type { LogRecord } from './record.ts';

export interface RateLimitPlan {
  /** Records in an interval. */
  readonly burst: number;
  /** Seconds. */
  readonly interval: number;
  /** Level from which records always pass. */
  readonly exceptLevel: number;
}

/** The limit that the options name; undefined for none. Throws LogError for a level that there is not. */
export function rateLimitOf(values: LogValues): RateLimitPlan | undefined {
  const { rate_limit_burst: burst, rate_limit_interval: interval, rate_limit_except_level: word } = values;
  if (burst < 1 || interval < 1) return undefined;
  const level = word === '' ? Number.POSITIVE_INFINITY : parseLevel(word);
  if (level === undefined) throw new LogError(`rate_limit_except_level: invalid log level name: '${word}'`);
  return { burst, interval, exceptLevel: level };
}

/** At most so many records in an interval (G-060). Time comes from a clock that nobody sets; milliseconds. */
export class RateLimit {
  readonly #plan: RateLimitPlan;
  readonly #clock: () => number;
  #end = 0;
  #count = 0;

  constructor(plan: RateLimitPlan, clock: () => number = () => performance.now()) {
    this.#plan = plan;
    this.#clock = clock;
  }

  /** The record to write: this one, the one line that says that records are dropped, or none. */
  filter(record: LogRecord): LogRecord | undefined {
    const { burst, interval, exceptLevel } = this.#plan;
    if (record.levelno >= exceptLevel) return record;
    const now = this.#clock();
    if (now >= this.#end) {
      this.#end = now + interval * 1000;
      this.#count = 0;
    }
    this.#count++;
    if (this.#count <= burst) return record;
    return this.#count === burst + 1 ? limitReached(record, burst, interval) : undefined;
  }
}

function limitReached(dropped: LogRecord, burst: number, interval: number): LogRecord {
  return {
    ...dropped,
    level: 'ERROR',
    levelno: 40,
    name: 'root',
    template: 'Logging rate limit: drop after %s records/%s sec',
    values: [burst, interval],
    message: `Logging rate limit: drop after ${burst} records/${interval} sec`,
    error: undefined,
    resource: undefined,
    event: undefined,
  };
}
