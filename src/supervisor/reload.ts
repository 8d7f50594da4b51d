import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { type Changes, compareConfigurations, logChanges } from '../config/compare.ts';
import { type Configuration, load } from '../config/load.ts';
import { ConfigurationError } from '../config/problems.ts';
import { rereadSources } from '../config/sources.ts';
import { daemonGroup } from '../interface/daemon-options.ts';
import type { ReloadResult } from '../interface/daemon-status.ts';
import type { OpenLog } from '../log/oslo-log.ts';
import { driverOptionsOf } from '../service/driver-options.ts';
import { logValuesOf, schema } from '../service/schema.ts';

import type { Backends } from './backends.ts';

interface Holder {
  configuration(): Configuration;
  adopt(next: Configuration): void;
}

/** Reads the configuration again and brings the daemon in line with it, one reload at a time (L-160 to L-169). */
export class Reload {
  readonly #openLog: OpenLog;
  readonly #log: Logger;
  readonly #backends: Backends;
  readonly #holder: Holder;
  readonly #counts = { applied: 0, failed: 0 };
  #last: Promise<unknown> = Promise.resolve();

  constructor(openLog: OpenLog, backends: Backends, holder: Holder) {
    this.#openLog = openLog;
    this.#log = openLog.logs('oslo_config.cfg');
    this.#backends = backends;
    this.#holder = holder;
  }

  /** How many there were; `failed` are those with a problem in some file or section. */
  get counts(): { readonly applied: number; readonly failed: number } {
    return { ...this.#counts };
  }

  /** One that is asked for during another begins when that has ended, and so sees the newest files (L-165). */
  run(): Promise<ReloadResult> {
    const mine = this.#last.then(async () => {
      const result = await this.#reload();
      this.#counts[result.problems.length === 0 ? 'applied' : 'failed']++;
      return result;
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  async #reload(): Promise<ReloadResult> {
    this.#openLog.reopen();
    const before = this.#holder.configuration();
    let after: Configuration;
    try {
      after = load(rereadSources(before.sources), schema).orThrow();
      // A file that was emptied, or is being written just now, is no wish to run nothing.
      if (after.backends.length === 0 && before.backends.length > 0) throw new Error('it enables no backend');
      await this.#openLog.reconfigure(logValuesOf(after));
    } catch (error) {
      const text = 'Configuration reload failed, keeping the running configuration: %s';
      this.#openLog.logs('oslo_service.service').error(text, messageOf(error));
      return {
        changes: [],
        problems:
          error instanceof ConfigurationError ? error.problems.map(({ finding }) => finding) : [messageOf(error)],
      };
    }
    const options = await driverOptionsOf([...before.backends, ...after.backends]);
    const changes = compareConfigurations(before, after, options);
    const taken = after.values(daemonGroup).reload_backends;
    const changed = changes.options.map((change) =>
      taken && change.group === 'DEFAULT' && change.option === 'enabled_backends'
        ? { ...change, mutable: true }
        : change,
    );
    logChanges(changed, this.#log);
    this.#openLog.logs('cinder.manager').info('Resetting cached RPC version pins.');
    this.#holder.adopt(after);
    const lines = changed.filter(({ mutable }) => mutable).map(({ option, from, to }) => `${option}: ${from} -> ${to}`);
    const ignored = changed.filter(({ mutable }) => !mutable);
    const applied = await this.#apply(after, changes, options);
    return {
      changes: [
        ...applied.lines,
        ...lines,
        ...ignored.map(({ option }) => `${option}: not changed, it needs a restart`),
      ],
      problems: applied.problems,
    };
  }

  /** Adds, removes and replaces the backends that changed; the others keep their process (L-167). */
  async #apply(
    after: Configuration,
    changes: Changes,
    options: Awaited<ReturnType<typeof driverOptionsOf>>,
  ): Promise<{ lines: string[]; problems: string[] }> {
    const { reload_backends } = after.values(daemonGroup);
    const lines: string[] = [];
    const problems: string[] = [];
    if (!reload_backends) {
      for (const { name, options: changed } of changes.changed) {
        for (const { option } of changed) this.#log.warning('Ignoring change to immutable option %s.%s', name, option);
      }
      this.#backends.reconfigure(after.backends.map(({ name }) => name));
      return { lines, problems };
    }
    const spoiled = new Set<string>();
    const replace = changes.changed.flatMap(({ name, options: changed }) => {
      const section = after.backend(name);
      if (section === undefined) return [];
      const found = section.problems(options(section));
      for (const { finding } of found) problems.push(finding);
      if (found.length > 0) spoiled.add(name);
      return found.length > 0 ? [] : [{ section, changed }];
    });
    for (const problem of problems) this.#log.error('A backend keeps its running configuration: %s', problem);
    const untouched = after.backends.filter(
      ({ name }) =>
        !changes.added.includes(name) && !spoiled.has(name) && !replace.some(({ section }) => section.name === name),
    );
    this.#backends.reconfigure(untouched.map(({ name }) => name));
    const work = [
      ...changes.removed.map(async (name) => {
        await this.#backends.remove(name);
        lines.push(`${name}: removed, worker ended after draining`);
      }),
      ...replace.map(async ({ section, changed }) => {
        logChanges(changed, this.#log);
        const old = this.#backends.pidOf(section.name);
        await this.#backends.replace(section);
        const now = await this.#backends.settled(section.name);
        const what = changed.map(({ option, from, to }) => `${option} ${from} -> ${to}`).join(', ');
        lines.push(
          `${section.name}: ${what}, worker replaced after draining (pid ${old ?? '-'} -> ${now?.pid ?? '-'})`,
        );
      }),
      ...changes.added.map(async (name) => {
        const section = after.backend(name);
        if (section === undefined) return;
        this.#backends.add(section);
        const { state = 'gone', reason } = (await this.#backends.settled(name)) ?? {};
        lines.push(`${name}: new backend, ${state}${reason ? `: ${reason}` : ''}`);
      }),
    ];
    await Promise.all(work);
    return { lines, problems };
  }
}
