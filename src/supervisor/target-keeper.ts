import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Configuration } from '../config/load.ts';
import { serviceGroup } from '../interface/daemon-options.ts';
import type { Executor } from '../interface/executor.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { rpcOptions } from '../messaging/options.ts';
import { transportUrlOf } from '../messaging/transport-url.ts';
import { findTgtd, preparePrivateTgtd, privateTgtdCommand } from '../targets/private-tgtd.ts';
import { systemTgtd } from '../targets/tgtadm.ts';
import { targetJob } from './jobs.ts';
import type { TargetDaemon } from './messages.ts';

/**
 * Which target daemon the backends of a self-contained set-up use: the machine's, else a private one that lives and dies
 * with the supervisor, else none (S-33). Where the configuration names a broker, it is as configured.
 */
export class TargetKeeper {
  readonly #launcher: Launcher;
  readonly #exec: Executor;
  readonly #log: Logger;
  readonly #configuration: () => Configuration;
  #location: Promise<TargetDaemon | null | undefined> = Promise.resolve(undefined);

  constructor(launcher: Launcher, exec: Executor, log: Logger, configuration: () => Configuration) {
    this.#launcher = launcher;
    this.#exec = exec;
    this.#log = log;
    this.#configuration = configuration;
  }

  /** Known when the search has ended. Null: none, volumes are local paths. Undefined: as configured. */
  get location(): Promise<TargetDaemon | null | undefined> {
    return this.#location;
  }

  /** Begins to look, and starts a private one where that is needed. Without any the log says so in one line. */
  start(): void {
    const configuration = this.#configuration();
    if (transportUrlOf(configuration.values({ group: 'DEFAULT', options: rpcOptions })).kind !== 'embedded') return;
    this.#location = this.#find();
  }

  async #find(): Promise<TargetDaemon | null | undefined> {
    const presence = await findTgtd(this.#exec, systemTgtd);
    if (presence === 'answers') return undefined;
    if (presence !== 'missing') return this.#private();
    this.#log.info('Volumes are connected as local paths: no tgt is installed');
    return null;
  }

  async #private(): Promise<TargetDaemon | null> {
    const folder = join(this.#configuration().values(serviceGroup).state_path, 'tgt');
    try {
      const tgtd = await preparePrivateTgtd(folder);
      this.#launcher.add(targetJob(this.#exec, privateTgtdCommand(tgtd)));
      this.#log.info('Volumes are exported by a private tgtd at %s:%d', tgtd.portal.address, tgtd.portal.port);
      return tgtd;
    } catch (error) {
      this.#log.warning('No private tgtd: %s. Volumes are connected as local paths', messageOf(error));
      return null;
    }
  }
}
