import type { RequestContext } from '../objects/context.ts';

/** Tells whoever listens what happened to a resource (manager.md §14). */
export interface Notifier {
  /** False when notifications are off: nobody need build a payload. */
  readonly enabled: boolean;
  /** Sends one at priority INFO. Never rejects: what could not be sent is logged. */
  info(
    context: RequestContext,
    publisher: string,
    eventType: string,
    payload: Readonly<Record<string, unknown>>,
  ): Promise<void>;
}
