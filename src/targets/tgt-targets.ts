import { Backoff } from '../base/retry.ts';
import type { Chap } from './chap.ts';
import type { TgtExport } from './tgt-file.ts';
import type { ListedTarget, TgtListing } from './tgt-listing.ts';
import { answers, type Tgtadm } from './tgtadm.ts';

export interface TgtSettings {
  readonly writeCache: string;
  readonly flags: string;
}

/** The LUN of a volume; tgt keeps 0 for itself. */
export const tgtLun = 1;

/**
 * What stands in tgtd. Every method looks first and changes what is missing or wrong, so it can be repeated after any
 * interruption, and another process that does the same at the same time does no harm. Targets of others are not touched.
 */
export class TgtTargets {
  readonly #tgtadm: Tgtadm;
  readonly #settings: TgtSettings;

  constructor(tgtadm: Tgtadm, settings: TgtSettings) {
    this.#tgtadm = tgtadm;
    this.#settings = settings;
  }

  /** Makes the target as wanted and gives its id. Nobody is let in before credentials and LUN are in place. */
  async ensure(wanted: TgtExport, name: string, signal: AbortSignal): Promise<number> {
    const target = await this.#foundOrNew(wanted.iqn, signal);
    await this.#ensureLun(target, wanted.path, name, signal);
    await this.#ensureAccount(target, wanted.chap, signal);
    await this.#ensureRules(target, wanted.initiators, signal);
    if (target.state !== 'ready') await this.#setState(target.tid, 'ready');
    return target.tid;
  }

  async find(iqn: string, signal?: AbortSignal): Promise<ListedTarget | undefined> {
    return (await this.#tgtadm.targets(signal)).find(iqn);
  }

  /** Lets an initiator in. */
  async admit(target: ListedTarget, initiator: string, signal: AbortSignal): Promise<void> {
    if (target.rules.includes(initiator)) return;
    await this.#bind(target.tid, ['-Q', initiator], signal);
  }

  /** Shuts an initiator out, or all of them, and ends their sessions. */
  async shutOut(target: ListedTarget, initiator: string | undefined, signal: AbortSignal): Promise<void> {
    const shut = (name: string): boolean => initiator === undefined || name === initiator;
    for (const rule of target.rules.filter(shut)) await this.#unbind(target.tid, rule, signal);
    for (const session of target.sessions) {
      if (shut(session.initiator)) await this.#endSession(target.tid, session);
    }
  }

  /**
   * Opens the file again, for its new size is seen only then. tgt closes and opens it under running requests, which would
   * fail or be lost; so the target stands still for the moment: initiators lose their connection, log in again by
   * themselves, send again what was not answered, and see the new size.
   */
  async reopen(target: ListedTarget, path: string, name: string): Promise<void> {
    await this.#setState(target.tid, 'offline');
    try {
      for (const session of target.sessions) await this.#endSession(target.tid, session);
      await this.#removeLun(target.tid);
    } finally {
      await this.#makeLun(target.tid, path, name);
      await this.#setState(target.tid, 'ready');
    }
  }

  /** Removes the target with its sessions, and its accounts unless another target has them too. Absent is success. */
  async remove(iqn: string, chap: Chap | undefined, signal: AbortSignal): Promise<void> {
    const all = await this.#tgtadm.targets(signal);
    const target = all.find(iqn);
    if (target !== undefined) {
      const { tid } = target;
      await this.#setState(tid, 'offline');
      for (const session of target.sessions) await this.#endSession(tid, session);
      await this.#removeLun(tid);
      await this.#removeTarget(tid);
    }
    const users = new Set([...(target?.accounts ?? []), ...(chap === undefined ? [] : [chap.user])]);
    for (const user of users) await this.#removeAccount(user, all, iqn);
  }

  async #foundOrNew(iqn: string, signal: AbortSignal): Promise<ListedTarget> {
    // Ids are chosen by whoever makes a target: another process may take the same one at the same moment.
    for (let tries = 0; tries < 50; tries++) {
      const all = await this.#tgtadm.targets(signal);
      const found = all.find(iqn);
      if (found !== undefined) return found;
      const tid = all.heads().reduce((most, head) => Math.max(most, head.tid), 0) + 1;
      const made = ['--op', 'new', '--mode', 'target', '--tid', String(tid), '-T', iqn];
      if (await this.#tgtadm.tell(made, [answers.targetExists], signal)) {
        return { tid, iqn, state: 'ready', sessions: [], luns: [], accounts: [], rules: [] };
      }
    }
    throw new Error(`no free id for target ${iqn}: others took each of fifty`);
  }

  async #ensureLun(target: ListedTarget, path: string, name: string, signal: AbortSignal): Promise<void> {
    const lun = target.luns.find((each) => each.lun === tgtLun);
    if (lun === undefined) await this.#makeLun(target.tid, path, name);
    else if (lun.path !== path || !lun.online) await this.reopen(target, path, name);
    else if (!lun.thin) await this.#setUpLun(target.tid, name, signal);
  }

  async #makeLun(tid: number, path: string, name: string): Promise<void> {
    const flags = this.#settings.flags === '' ? [] : ['-f', this.#settings.flags];
    await this.#tgtadm.tell([...onLun('new', tid), '-b', path, ...flags], [/this logical unit number already exists/]);
    await this.#setUpLun(tid, name);
  }

  async #setUpLun(tid: number, name: string, signal?: AbortSignal): Promise<void> {
    // Without thin provisioning tgt ignores UNMAP. Page 8 of the mode pages says that written data is not cached.
    const cacheOff = 'mode_page=8:0:18:0x10:0:0xff:0xff:0:0:0xff:0xff:0xff:0xff:0x80:0x14:0:0:0:0:0:0';
    const params = ['thin_provisioning=1', `scsi_sn=${name}`, `scsi_id=${name}`];
    await this.#tgtadm.tell([...onLun('update', tid), '-P', params.join(',')], [], signal);
    if (this.#settings.writeCache === 'off')
      await this.#tgtadm.tell([...onLun('update', tid), '-P', cacheOff], [], signal);
  }

  async #ensureAccount(target: ListedTarget, chap: Chap | undefined, signal: AbortSignal): Promise<void> {
    if (chap !== undefined && !target.accounts.includes(chap.user)) {
      const isNew = await this.#tgtadm.newAccount(chap, signal);
      if (!isNew && !(await this.#tgtadm.targets(signal)).isUserOfOthers(chap.user, target.iqn)) {
        // Left by an earlier export, perhaps with another password.
        await this.#tgtadm.tell(['--op', 'delete', '--mode', 'account', '--user', chap.user], [answers.noAccount]);
        await this.#tgtadm.newAccount(chap, signal);
      }
      await this.#tgtadm.tell(onAccount('bind', target.tid, chap.user), [answers.accountExists], signal);
    }
    for (const user of target.accounts.filter((each) => each !== chap?.user)) {
      await this.#tgtadm.tell(onAccount('unbind', target.tid, user), [answers.noAccount], signal);
    }
  }

  /** tgtd takes an account away from every target that has it, and a target without accounts is open to all. */
  async #removeAccount(user: string, all: TgtListing, iqn: string): Promise<void> {
    if (all.isUserOfOthers(user, iqn)) return;
    await this.#tgtadm.tell(['--op', 'delete', '--mode', 'account', '--user', user], [answers.noAccount]);
  }

  async #ensureRules(
    target: ListedTarget,
    initiators: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const wanted = initiators ?? ['ALL'];
    for (const rule of wanted.filter((each) => !target.rules.includes(each))) {
      await this.#bind(target.tid, rule === 'ALL' ? ['-I', 'ALL'] : ['-Q', rule], signal);
    }
    for (const rule of target.rules.filter((each) => !wanted.includes(each))) {
      await this.#unbind(target.tid, rule, signal);
    }
  }

  async #bind(tid: number, who: readonly string[], signal: AbortSignal): Promise<void> {
    await this.#tgtadm.tell([...onTarget('bind', tid), ...who], [answers.ruleExists], signal);
  }

  async #unbind(tid: number, rule: string, signal: AbortSignal): Promise<void> {
    // The list does not say whether a rule is an address or a name.
    const byName = await this.#tgtadm.tell([...onTarget('unbind', tid), '-Q', rule], [answers.noRule], signal);
    if (!byName) await this.#tgtadm.tell([...onTarget('unbind', tid), '-I', rule], [answers.noRule], signal);
  }

  async #endSession(tid: number, session: ListedTarget['sessions'][number]): Promise<void> {
    for (const cid of session.connections) {
      const connection = ['--mode', 'conn', '--tid', String(tid), '--sid', String(session.sid), '--cid', String(cid)];
      await this.#tgtadm.tell(['--op', 'delete', ...connection], [answers.noConnection, answers.noTarget]);
    }
  }

  async #setState(tid: number, state: 'ready' | 'offline'): Promise<void> {
    await this.#tgtadm.tell([...onTarget('update', tid), '-n', 'state', '-v', state], [answers.noTarget]);
  }

  /** tgtd refuses while requests are under way; the target is offline, so they come to an end. */
  async #removeLun(tid: number): Promise<void> {
    await untilIdle(() =>
      this.#tgtadm.tell(onLun('delete', tid), [answers.lunActive]).catch((error: unknown) => {
        if (isAnswer(error, answers.noLun) || isAnswer(error, answers.noTarget)) return true;
        throw error;
      }),
    );
  }

  async #removeTarget(tid: number): Promise<void> {
    const remove = onTarget('delete', tid);
    await untilIdle(() =>
      this.#tgtadm.tell(remove, [answers.targetActive]).catch((error: unknown) => {
        if (isAnswer(error, answers.noTarget)) return true;
        throw error;
      }),
    );
  }
}

function isAnswer(error: unknown, answer: RegExp): boolean {
  return error instanceof Error && answer.test(error.message);
}

/** Asks again for some seconds until it was done. */
async function untilIdle(act: () => Promise<boolean>): Promise<void> {
  const backoff = new Backoff({ first: 5, most: 500 });
  for (let tries = 0; tries < 20; tries++) {
    if (await act()) return;
    await backoff.wait();
  }
  throw new Error('tgtd still has requests under way after seven seconds');
}

function onTarget(op: string, tid: number): string[] {
  return ['--op', op, '--mode', 'target', '--tid', String(tid)];
}

function onLun(op: string, tid: number): string[] {
  return ['--op', op, '--mode', 'logicalunit', '--tid', String(tid), '--lun', String(tgtLun)];
}

function onAccount(op: string, tid: number, user: string): string[] {
  return ['--op', op, '--mode', 'account', '--tid', String(tid), '--user', user];
}
