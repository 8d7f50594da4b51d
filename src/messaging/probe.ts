import type { Logger } from '../base/log.ts';
import { adminContext } from '../objects/context.ts';
import { toQueue } from './addressing.ts';
import { encodeEnvelope, requestMessage } from './envelope.ts';
import type { Transport } from './transport.ts';

/** `busy`: nothing could be proved, since we ask for no messages just now. */
export type ProbeResult = 'ok' | 'busy' | 'lost';

/** How long a message to ourselves may take. */
const patience = 5000;

/** A message to our own queue, which proves the whole way by coming back (O-10). */
export class Probe {
  readonly #transport: Pick<Transport, 'publish'>;
  readonly #queue: string;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, () => void>();

  constructor(transport: Pick<Transport, 'publish'>, queue: string, logger: Logger) {
    this.#transport = transport;
    this.#queue = queue;
    this.#logger = logger;
  }

  /** Sends one, and resolves to whether it came back in time. */
  async send(signal: AbortSignal): Promise<boolean> {
    const request = { method: 'oslo_rpc_server_ping', version: '1.0', args: {}, context: adminContext() };
    const message = requestMessage(request);
    const id = String(message['_unique_id']);
    const returned = this.#wait(id, signal);
    const publication = { to: toQueue(this.#queue), body: encodeEnvelope(message), ttl: patience };
    const terms = { within: patience, again: false, nowOrNever: true };
    const publishing = this.#transport.publish(publication, terms).then(({ outcome }) => {
      if (outcome !== 'accepted') this.#waiting.get(id)?.();
      return outcome;
    });
    const came = await returned;
    // Where nothing is consumed any more the broker keeps it for as long as it lives: an end does not wait for that.
    if (signal.aborted) return false;
    const outcome = await publishing;
    if (!came) this.#logger.debug('A probe of queue %s did not come back: %s', this.#queue, outcome);
    return came && outcome === 'accepted';
  }

  /** Whether a message that came is a probe of ours. */
  returned(id: string): boolean {
    const done = this.#waiting.get(id);
    done?.();
    return done !== undefined;
  }

  #wait(id: string, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (came: boolean): void => {
        clearTimeout(late);
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(id);
        resolve(came);
      };
      const onAbort = (): void => finish(false);
      const late = setTimeout(onAbort, patience);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, () => finish(true));
    });
  }
}
