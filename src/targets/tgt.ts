import { existsSync, type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { Scope } from '../base/scope.ts';
import type { ExportUpdate, TargetDriver } from '../interface/target-driver.ts';
import type { ConnectionInfo, Connector } from '../interface/volume-driver.ts';
import { TargetUpdateFailed } from '../objects/exceptions.ts';
import { attachmentsOf, type Volume } from '../objects/volume.ts';
import { type Chap, chapOf, checkedChap, newChap, providerAuth } from './chap.ts';
import { initiatorOf, iscsiConnection, iscsiLocation, portal } from './iscsi.ts';
import type { TargetValues } from './options.ts';
import type { TargetParts } from './parts.ts';
import { type TgtExport, TgtFiles } from './tgt-file.ts';
import { TgtTargets, tgtLun } from './tgt-targets.ts';
import { controlSocket, systemTgtd, Tgtadm } from './tgtadm.ts';

/** iSCSI targets by tgtd: one a volume, always with CHAP (S-20), each with a file from which it can be made again. */
export function createTgtTarget(parts: TargetParts, values: TargetValues): TargetDriver {
  if (values.target_protocol !== 'iscsi') {
    throw new Error(`target_protocol '${values.target_protocol}' is not supported by tgtadm here; expected iscsi`);
  }
  return new TgtTarget(parts, values);
}

class TgtTarget implements TargetDriver {
  readonly protocol = 'iSCSI';
  readonly #parts: TargetParts;
  readonly #values: TargetValues;
  readonly #logger: Logger;
  readonly #tgtadm: Tgtadm;
  readonly #targets: TgtTargets;
  readonly #files: TgtFiles;
  readonly #socket: string;
  readonly #portals: readonly string[];
  readonly #fixedChap: Chap | undefined;
  /** Exports that this process vouches for, by the name of their volume: name to volume id. */
  readonly #exports = new Map<string, string>();
  readonly #scope: Scope;
  #watcher: FSWatcher | undefined;

  constructor(parts: TargetParts, values: TargetValues) {
    const { tgtd: address = systemTgtd } = parts;
    const { iscsi_write_cache: writeCache, iscsi_target_flags: flags } = values;
    this.#parts = parts;
    this.#values = values;
    this.#logger = parts.logs('cinder.volume.targets.tgt');
    this.#files = new TgtFiles(values.volumes_dir, { writeCache, flags });
    this.#tgtadm = new Tgtadm(parts.exec, { address, tries: values.num_shell_tries, folder: values.volumes_dir });
    this.#targets = new TgtTargets(this.#tgtadm, { writeCache, flags });
    this.#socket = controlSocket(address);
    this.#portals = portalsOf(values, address.portal);
    this.#fixedChap = fixedChap(values);
    this.#scope = new Scope((error) =>
      this.#logger.exception(error, 'The targets of a new tgtd could not be made again.'),
    );
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#files.prepare();
    await this.#tgtadm.ping(signal);
    this.#watchSocket();
    await this.#makeAgain(signal);
  }

  async ensureExport(volume: Volume, path: string, signal: AbortSignal): Promise<void> {
    await this.#alone(volume, signal, async (name) => {
      const known = await this.#files.read(name);
      const named = attachmentsOf(volume).flatMap(({ connector }) => initiatorIn(connector));
      // Without the file it cannot be known who is connected: whoever knows the secret, as upstream has it.
      const initiators = known === undefined ? (named.length > 0 ? named : undefined) : known.initiators;
      const chap = chapOf(volume.provider_auth) ?? known?.chap ?? newChap();
      await this.#export(volume, name, { iqn: this.#iqn(name), path, chap, initiators }, known, signal);
    });
  }

  async createExport(volume: Volume, path: string, signal: AbortSignal): Promise<ExportUpdate> {
    return this.#alone(volume, signal, async (name) => {
      const known = await this.#files.read(name);
      const chap = chapOf(volume.provider_auth) ?? known?.chap ?? this.#fixedChap ?? newChap();
      const isOpen = this.#parts.restrictInitiators === false;
      const initiators = isOpen ? undefined : known === undefined ? [] : known.initiators;
      const iqn = this.#iqn(name);
      const tid = await this.#export(volume, name, { iqn, path, chap, initiators }, known, signal);
      const provider_location = iscsiLocation(this.#portals, tid, iqn, tgtLun);
      return { provider_location, provider_auth: providerAuth(chap) };
    });
  }

  async removeExport(volume: Volume, signal: AbortSignal): Promise<void> {
    const name = this.#parts.naming.volume(volume);
    // Most volumes are deleted without ever having been exported: that costs no command.
    if (!volume.provider_location && (await this.#files.read(name)) === undefined) return;
    await this.#alone(volume, signal, async () => {
      const known = await this.#files.read(name);
      this.#exports.delete(name);
      await this.#files.remove(name);
      await this.#targets.remove(this.#iqn(name), chapOf(volume.provider_auth) ?? known?.chap, signal);
    });
  }

  validateConnector(connector: Connector): void {
    initiatorOf(connector);
  }

  async initializeConnection(
    volume: Volume,
    _path: string,
    connector: Connector,
    signal: AbortSignal,
  ): Promise<ConnectionInfo> {
    const initiator = initiatorOf(connector);
    const info = iscsiConnection(volume, connector);
    await this.#alone(volume, signal, async (name) => {
      const known = await this.#files.read(name);
      if (known?.initiators === undefined) return;
      if (!known.initiators.includes(initiator)) {
        await this.#files.write(name, { ...known, initiators: [...known.initiators, initiator] });
      }
      const target = await this.#targets.find(known.iqn, signal);
      if (target !== undefined) await this.#targets.admit(target, initiator, signal);
    });
    return info;
  }

  async terminateConnection(volume: Volume, connector: Connector | undefined, signal: AbortSignal): Promise<void> {
    const name = this.#parts.naming.volume(volume);
    if (!volume.provider_location && (await this.#files.read(name)) === undefined) return;
    const initiator = connector === undefined ? undefined : initiatorIn(connector)[0];
    if (connector !== undefined && initiator === undefined) return;
    await this.#alone(volume, signal, async () => {
      const known = await this.#files.read(name);
      if (known !== undefined && (known.initiators !== undefined || initiator === undefined)) {
        const initiators = initiator === undefined ? [] : known.initiators?.filter((each) => each !== initiator);
        await this.#files.write(name, { ...known, initiators });
      }
      const target = await this.#targets.find(this.#iqn(name), signal);
      if (target !== undefined) await this.#targets.shutOut(target, initiator, signal);
    });
  }

  async extendTarget(volume: Volume, path: string, signal: AbortSignal): Promise<void> {
    const name = this.#parts.naming.volume(volume);
    if (!volume.provider_location && (await this.#files.read(name)) === undefined) return;
    try {
      await this.#alone(volume, signal, async () => {
        const target = await this.#targets.find(this.#iqn(name), signal);
        if (target !== undefined) await this.#targets.reopen(target, path, name);
      });
    } catch (error) {
      signal.throwIfAborted();
      throw new TargetUpdateFailed({ volume_id: volume.id }, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#watcher = undefined;
    await this.#scope.close();
  }

  #iqn(name: string): string {
    return this.#values.target_prefix + name;
  }

  /** One at a time for each volume, also among processes: an old worker may drain while a new one starts. */
  async #alone<T>(volume: Volume, signal: AbortSignal, body: (name: string) => Promise<T>): Promise<T> {
    const name = this.#parts.naming.volume(volume);
    return this.#parts.coordinator.withLock(`${volume.id}-tgt`, () => body(name), signal);
  }

  /** The file comes first: it holds the credentials before anything asks for them. */
  async #export(
    volume: Volume,
    name: string,
    wanted: TgtExport,
    known: TgtExport | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    if (JSON.stringify(wanted) !== JSON.stringify(known)) await this.#files.write(name, wanted);
    const tid = await this.#targets.ensure(wanted, name, signal);
    this.#exports.set(name, volume.id);
    return tid;
  }

  /** A tgtd that was restarted has forgotten everything: our exports are made again from their files (S-21). */
  async #makeAgain(signal: AbortSignal): Promise<void> {
    if (this.#exports.size === 0) return;
    const present = new Set((await this.#tgtadm.targets(signal)).heads().map((head) => head.iqn));
    const missing = [...this.#exports].filter(([name]) => !present.has(this.#iqn(name)));
    for (const [name, id] of missing) {
      await this.#parts.coordinator.withLock(
        `${id}-tgt`,
        async () => {
          const known = await this.#files.read(name);
          if (known !== undefined) await this.#targets.ensure(known, name, signal);
        },
        signal,
      );
    }
    if (missing.length > 0)
      this.#logger.warning('tgtd had forgotten %d of our targets; they are there again.', missing.length);
  }

  /** A new tgtd makes its socket anew: the kernel tells us, and connected hosts do not wait for the next report. */
  #watchSocket(): void {
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(dirname(this.#socket), { persistent: false }, (event, file) => {
        const isNew = event === 'rename' && file === basename(this.#socket) && existsSync(this.#socket);
        if (isNew && !this.#scope.signal.aborted) this.#scope.spawn((signal) => this.check(signal));
      });
      this.#watcher.on('error', (error) => this.#stopWatching(error));
    } catch (error) {
      this.#stopWatching(error);
    }
  }

  #stopWatching(error: unknown): void {
    this.#logger.debug('The socket of tgtd cannot be watched: %s', messageOf(error));
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

function initiatorIn(connector: Connector | null | undefined): string[] {
  const initiator = connector?.['initiator'];
  return typeof initiator === 'string' ? [initiatorOf({ initiator })] : [];
}

function portalsOf(values: TargetValues, own: { address: string; port: number } | undefined): readonly string[] {
  if (own !== undefined) return [portal(own.address, own.port)];
  const further = [...values.target_secondary_ip_addresses, ...values.iscsi_secondary_ip_addresses];
  return [values.target_ip_address, ...new Set(further)].map((address) => portal(address, values.target_port));
}

function fixedChap({ use_chap_auth, chap_username: user, chap_password: password }: TargetValues): Chap | undefined {
  if (!use_chap_auth || (user === '' && password === '')) return undefined;
  return checkedChap({ user, password }, 'chap_username or chap_password');
}
