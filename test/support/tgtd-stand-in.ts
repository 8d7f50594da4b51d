import { type Executor, ProcessExecutionError } from '../../src/interface/executor.ts';

interface Target {
  readonly iqn: string;
  state: string;
  path: string | undefined;
  readonly accounts: Set<string>;
  readonly rules: Set<string>;
}

export interface TgtdStandIn {
  readonly exec: Executor;
  readonly targets: Map<number, Target>;
  readonly passwords: Map<string, string>;
  /** Forgets everything, as a tgtd that was killed and started again. */
  restart(): void;
  /** What it was told, without the questions. */
  readonly told: string[];
}

/** Answers tgtadm as tgtd 1.0.85 does, for tests on machines that have none; the real one is held to the same suite. */
export function aTgtdStandIn(): TgtdStandIn {
  const targets = new Map<number, Target>();
  const passwords = new Map<string, string>();
  const told: string[] = [];

  const answer = (args: readonly string[]): string => {
    const value = (flag: string): string => args[args.indexOf(flag) + 1] ?? '';
    const [op, mode, tid] = [value('--op'), value('--mode'), Number(value('--tid'))];
    const target = targets.get(tid);
    const refuse = (why: string): never => {
      throw new ProcessExecutionError({ command: 'tgtadm', exitCode: 22, stderr: `tgtadm: ${why}\n` });
    };
    const known = (): Target => target ?? refuse("can't find the target");
    const toggle = (set: Set<string>, item: string, [twice, absent]: readonly [string, string]): string => {
      if (op === 'bind' && set.has(item)) refuse(twice);
      if (op === 'bind') set.add(item);
      else if (!set.delete(item)) refuse(absent);
      return '';
    };
    if (op !== 'show') told.push(args.slice(4).join(' '));
    switch (`${op} ${mode}`) {
      case 'show sys':
        return 'System:\n    State: ready\n';
      case 'show target':
        return [...targets].map(([id, each]) => section(id, each)).join('');
      case 'new target':
        if (target !== undefined || [...targets.values()].some((each) => each.iqn === value('-T'))) {
          return refuse('this target already exists');
        }
        targets.set(tid, { iqn: value('-T'), state: 'ready', path: undefined, accounts: new Set(), rules: new Set() });
        return '';
      case 'update target':
        known().state = value('-v');
        return '';
      case 'delete target':
        known();
        targets.delete(tid);
        return '';
      case 'new logicalunit':
        if (known().path !== undefined) refuse('this logical unit number already exists');
        known().path = value('-b');
        return '';
      case 'update logicalunit':
        return known().path === undefined ? refuse("can't find the logical unit") : '';
      case 'delete logicalunit':
        if (known().path === undefined) refuse("can't find the logical unit");
        known().path = undefined;
        return '';
      case 'new account':
        if (passwords.has(value('--user'))) refuse('this account already exists');
        passwords.set(value('--user'), value('--password'));
        return '';
      case 'delete account':
        if (!passwords.delete(value('--user'))) refuse("can't find the account");
        for (const each of targets.values()) each.accounts.delete(value('--user'));
        return '';
      case 'bind account':
      case 'unbind account':
        if (!passwords.has(value('--user'))) refuse("can't find the account");
        return toggle(known().accounts, value('--user'), ['this account already exists', "can't find the account"]);
      case 'bind target':
      case 'unbind target': {
        const byName = args.includes('-Q');
        // Addresses and names are two kinds of rule.
        const rule = byName ? value('-Q') : value('-I');
        if (byName === (rule === 'ALL')) return refuse('this access control rule does not exist');
        const answers = ['this access control rule already exists', 'this access control rule does not exist'] as const;
        return toggle(known().rules, rule, answers);
      }
      default:
        return refuse(`invalid request ${op} ${mode}`);
    }
  };

  const exec: Executor = {
    async run(_file, args, options = {}) {
      options.signal?.throwIfAborted();
      await new Promise((resolve) => setImmediate(resolve));
      const stdout = answer(args);
      options.signal?.throwIfAborted();
      return { exitCode: 0, stdout, stderr: '' };
    },
    start: () => Promise.reject(new Error('the stand-in starts nothing')),
    find: async (file) => `/usr/sbin/${file}`,
  };
  const restart = (): void => {
    targets.clear();
    passwords.clear();
  };
  return { exec, targets, passwords, restart, told };
}

function section(tid: number, { iqn, state, path, accounts, rules }: Target): string {
  const lun = ['LUN: 1', '    Online: Yes', '    Thin-provisioning: Yes', `    Backing store path: ${path}`];
  const lines = [
    `Target ${tid}: ${iqn}`,
    '    System information:',
    `        State: ${state}`,
    '    I_T nexus information:',
    '    LUN information:',
    ...(path === undefined ? [] : lun.map((line) => `        ${line}`)),
    '    Account information:',
    ...[...accounts].map((user) => `        ${user}`),
    '    ACL information:',
    ...[...rules].map((rule) => `        ${rule}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
