import { Outages } from './outages.ts';
import { RateLimit, type RateLimitPlan } from './rate-limit.ts';
import type { LogRecord } from './record.ts';
import { Repeats } from './repeats.ts';
import { Stacks } from './stacks.ts';

interface NoisePlan {
  /** Seconds of log_dedup_interval; 0 is off. */
  readonly dedupInterval: number;
  readonly rateLimit: RateLimitPlan | undefined;
}

/** What stands between a record and the sinks: repeated stacks, repeated records, outages, the rate limit (G-060 to G-064). */
export class Noise {
  readonly #write: (record: LogRecord) => void;
  readonly #stacks = new Stacks();
  readonly #repeats: Repeats | undefined;
  readonly #outages: Outages;
  readonly #rateLimit: RateLimit | undefined;
  #suppressed = 0;

  constructor(plan: NoisePlan, write: (record: LogRecord) => void) {
    this.#write = write;
    const { dedupInterval, rateLimit } = plan;
    this.#repeats = dedupInterval > 0 ? new Repeats(dedupInterval, (sum) => this.#pass(sum)) : undefined;
    this.#outages = new Outages((sum) => this.#limit(sum));
    this.#rateLimit = rateLimit && new RateLimit(rateLimit);
  }

  /** Writes the record, or something in its place, or counts it. */
  filter(record: LogRecord): void {
    const first = this.#stacks.filter(record);
    const repeated = this.#repeats === undefined ? first : this.#repeats.filter(first);
    if (repeated === undefined) this.#suppressed++;
    else this.#pass(repeated);
  }

  /** Records that were not written so far. */
  get suppressed(): number {
    return this.#suppressed;
  }

  /** Writes at once what is held back as sums. */
  flush(): void {
    this.#repeats?.flush();
    this.#outages.flush();
  }

  close(): void {
    this.#repeats?.close();
    this.#outages.close();
  }

  #pass(record: LogRecord): void {
    const within = this.#outages.filter(record);
    if (within === undefined) this.#suppressed++;
    else this.#limit(within);
  }

  #limit(record: LogRecord): void {
    const allowed = this.#rateLimit === undefined ? record : this.#rateLimit.filter(record);
    if (allowed !== record) this.#suppressed++;
    if (allowed !== undefined) this.#write(allowed);
  }
}
