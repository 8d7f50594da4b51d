import { isFailingOver } from './failover.ts';
import type { Inbox } from './handover.ts';
import type { VolumeManager } from './manager.ts';

/**
 * Ends a failover that nobody carries out: our row says `failing-over`, nothing runs here, and no message is under way, at
 * two looks `handover_grace` apart (manager.md §2.3, §2.6). The service is disabled then, and an operator decides.
 */
export class FailoverWatch {
  readonly #manager: VolumeManager;
  readonly #inbox: Inbox;
  #seen: { readonly at: number; readonly breaks: number } | undefined;

  constructor(manager: VolumeManager, inbox: Inbox) {
    this.#manager = manager;
    this.#inbox = inbox;
  }

  async look(signal: AbortSignal): Promise<void> {
    const { db, service, settings, log, host } = this.#manager;
    const grace = settings.handover_grace * 1000;
    if (grace === 0) return;
    const row = isFailingOver(this.#manager) ? undefined : await db.services.get(service.id);
    const breaks = this.#inbox.breaks();
    if (row?.replication_status !== 'failing-over') this.#seen = undefined;
    else if (this.#seen?.breaks !== breaks) this.#seen = { at: performance.now(), breaks };
    else if (performance.now() - this.#seen.at >= grace && (await this.#inbox.isEmpty(signal, false))) {
      this.#seen = undefined;
      if (isFailingOver(this.#manager)) return;
      await db.services.update(service.id, { disabled: true, replication_status: 'failover-error' });
      log.warning('No message came for service %s in status failing-over: status failover-error, disabled', host);
      const action = 'status failover-error';
      this.#manager.note({ at: Date.now(), type: 'Service', id: String(service.id), status: 'failing-over', action });
    }
  }
}
