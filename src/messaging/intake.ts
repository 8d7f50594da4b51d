import type { Incoming } from './amqp.ts';
import type { OpenQueue } from './consumers.ts';
import type { Held, Job } from './job.ts';

/** Later deliveries behind one that is unsettled: rhea's session stops at twice as many (R-13, R-16, §7 no. 5). */
const mostBehind = 1024;

interface Entry extends Held {
  readonly job: Job;
  readonly place: number;
}

/** What came by one session and is not settled, in the order in which it came. */
export class Intake {
  readonly queue: OpenQueue;
  readonly #entries = new Set<Entry>();
  #places = 0;

  constructor(queue: OpenQueue) {
    this.queue = queue;
  }

  /** Deliveries that came by this session. */
  get arrivals(): number {
    return this.#places;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Jobs whose delivery is unsettled, oldest first. */
  get jobs(): readonly Job[] {
    return [...this.#entries].map(({ job }) => job);
  }

  /** One more delivery came, whatever it is. */
  count(): void {
    this.#places += 1;
  }

  /** Ties the delivery that was just counted to a job. */
  hold(message: Incoming, job: Job): void {
    const entry: Entry = {
      job,
      place: this.#places,
      accept: () => {
        this.#entries.delete(entry);
        message.accept();
      },
    };
    this.#entries.add(entry);
    job.hold(entry);
  }

  /** The job that has too many deliveries behind it. */
  get blocking(): Job | undefined {
    const [oldest] = this.#entries;
    return oldest !== undefined && oldest.place + mostBehind <= this.#places ? oldest.job : undefined;
  }

  /** The session has ended: its deliveries are with the broker again. */
  close(): void {
    for (const entry of this.#entries) entry.job.letGo(entry);
    this.#entries.clear();
  }
}
