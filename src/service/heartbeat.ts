import { abortable } from '../base/abortable.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { within } from '../base/time-limit.ts';
import { type Database, DatabaseError } from '../interface/database.ts';
import type { NewService } from '../interface/service-table.ts';
import type { Service } from '../objects/service.ts';

export interface HeartbeatOptions {
  readonly db: Database;
  readonly log: Logger;
  /** What the row says when it has to be made again. */
  readonly registration: () => NewService;
  /** Why the service may not call itself up; undefined when all is well. */
  readonly trouble: () => string | undefined;
  /** Gets the `report_count` that is about to be written: it is noted where a successor can read it. */
  readonly note: (reportCount: number) => Promise<void>;
  /** Milliseconds from one report to the next. */
  readonly interval: () => number;
  /** Told of each report that was written, with the milliseconds by which it came later than it was due. */
  readonly written: (lateness: number) => void;
  /** Told after each try what kept the report from being written; undefined: it was written. */
  readonly tried: (trouble: string | undefined) => void;
}

/** A trouble that lasts is told once a minute (L-126). */
const tellAgain = 60_000;

/** Our row in `services`: what makes the service "up" for everyone else (lifecycle.md §14.1). */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #service: Service;
  #disconnected = false;
  /** The report that is being written: two at once would count twice what is noted once, and the note would lag behind. */
  #underWay: Promise<void> | undefined;
  #told: { readonly kind: string; readonly at: number } | undefined;
  #lastReport: number | null = null;
  /** What the row's count is at most if nobody but us writes it; undefined before the first report. */
  #expected: number | undefined;
  #toldDuplicate = Number.NEGATIVE_INFINITY;
  /** When the next report is late, on the clock of `performance.now()`. */
  #due = Number.POSITIVE_INFINITY;

  constructor(service: Service, options: HeartbeatOptions) {
    this.#service = service;
    this.#options = options;
  }

  get service(): Service {
    return this.#service;
  }

  /** Epoch milliseconds of the last report that was written; null before the first. */
  get lastReport(): number | null {
    return this.#lastReport;
  }

  /**
   * One report, tried once and for no longer than an interval: that brings the next try (L-129). Never rejects. A stop does
   * not wait for it.
   */
  async beat(signal: AbortSignal): Promise<void> {
    const reason = this.#options.trouble();
    if (reason !== undefined) {
      this.#complain(reason);
      return;
    }
    this.#told = undefined;
    try {
      const patience = 0.9 * Math.max(this.#options.interval(), 1000);
      this.#underWay ??= this.#report().finally(() => {
        this.#underWay = undefined;
      });
      await abortable(this.#underWay, within(signal, patience));
      this.#lastReport = Date.now();
      const now = performance.now();
      this.#options.written(Math.max(0, now - this.#due));
      this.#due = now + this.#options.interval();
      if (this.#disconnected) this.#options.log.error('Recovered model server connection!');
      this.#disconnected = false;
      this.#options.tried(undefined);
    } catch (error) {
      if (signal.aborted) return;
      this.#options.tried(messageOf(error));
      if (!this.#disconnected) this.#options.log.exception(error, firstFailure(error));
      this.#disconnected = true;
    }
  }

  async #report(): Promise<void> {
    const { db, log, note, registration } = this.#options;
    const row = await db.services.get(this.#service.id);
    if (row === undefined) {
      log.debug('The service database object disappeared, recreating it.');
      this.#service = await db.services.register(registration());
      this.#expected = undefined;
      return;
    }
    this.#lookForDuplicate(row);
    await note(row.report_count + 1);
    await db.services.reportState(row.id, registration().availability_zone);
  }

  /**
   * A count above what we can have written is somebody else's: once a minute that is an error (O-42). A report that was
   * given up may still be written, and so is counted with those that were.
   */
  #lookForDuplicate({ host, report_count }: Service): void {
    const now = performance.now();
    if (report_count > (this.#expected ?? report_count) && now - this.#toldDuplicate >= tellAgain) {
      this.#toldDuplicate = now;
      this.#options.log.error('Service %s is already reported by another process', host);
    }
    this.#expected = Math.max(this.#expected ?? 0, report_count) + 1;
  }

  #complain(reason: string): void {
    const { log, registration } = this.#options;
    const now = performance.now();
    // What follows the kind of a trouble may count tries, and so differ each time.
    const [kind = reason] = reason.split(':');
    if (this.#told?.kind === kind && now - this.#told.at < tellAgain) return;
    this.#told = { kind, at: now };
    const { binary, host } = registration();
    const text =
      'Manager for service %s %s is reporting problems, not sending heartbeat. Service will appear "down". (%s)';
    log.error(text, binary, host, reason);
  }
}

/** The first words of an outage, as upstream's log has them (L-128). */
function firstFailure(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'model server went away';
  if (!(error instanceof DatabaseError)) return 'Exception encountered: ';
  return error.kind === 'away' ? 'model server went away' : 'DBError encountered: ';
}
