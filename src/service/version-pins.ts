import type { Logs } from '../base/log.ts';
import type { Database } from '../interface/database.ts';
import type { Binary, VersionPins } from '../interface/version-pins.ts';
import { objectVersion, rpcVersion } from '../objects/service.ts';

/** The scheduler's RPC as we know it (rpc.md §3). */
const schedulerRpcVersion = '3.12';

/** Says which versions the schedulers' rows allow, as upstream at start and after SIGHUP (L-096, L-163). */
export async function tellVersionPins(pins: VersionPins, logs: Logs): Promise<void> {
  const binary = 'cinder-scheduler';
  const objects = await pins.objects(binary);
  const rpc = (await pins.rpc(binary)) ?? schedulerRpcVersion;
  const log = logs('cinder.rpc');
  log.info('Automatically selected %s objects version %s as minimum service version.', binary, objects);
  log.info('Automatically selected %s RPC version %s as minimum service version.', binary, rpc);
}

/** Reads the rows again where they hold us below what we know, and tells of what has changed: an upgrade was completed (O-40). */
export async function rereadVersionPins(pins: PinnedVersions, logs: Logs): Promise<void> {
  const before = await pins.all();
  if (!before.some(({ pinned, own }) => pinned !== undefined && isBelow(pinned, own))) return;
  pins.forget();
  for (const [index, { binary, kind, pinned }] of (await pins.all()).entries()) {
    const was = before[index]?.pinned;
    if (pinned === was) continue;
    const template = 'Automatically selected %s %s version %s as minimum service version, in place of %s.';
    logs('cinder.rpc').info(template, binary, kind, pinned ?? 'none', was ?? 'none');
  }
}

/** What a program's rows allow us, beside what we know. */
interface Pin {
  readonly binary: Binary;
  readonly kind: 'objects' | 'RPC';
  readonly pinned: string | undefined;
  readonly own: string;
}

/** The RPC of our peers as we know it (rpc.md §3 and §5). */
const ownRpc = {
  'cinder-scheduler': schedulerRpcVersion,
  'cinder-backup': '2.4',
  'cinder-volume': rpcVersion,
} as const;

/** Reads the `services` rows at the first question and keeps the answers until `forget`. */
export class PinnedVersions implements VersionPins {
  readonly #db: Pick<Database, 'services'>;
  #rows: ReturnType<Database['services']['list']> | undefined;

  constructor(db: Pick<Database, 'services'>) {
    this.#db = db;
  }

  async objects(binary?: Binary): Promise<string> {
    const rows = await this.#of(binary);
    return lowest(rows.map((row) => row.object_current_version)) ?? objectVersion;
  }

  async rpc(binary: Binary): Promise<string | undefined> {
    return lowest((await this.#of(binary)).map((row) => row.rpc_current_version));
  }

  async all(): Promise<readonly Pin[]> {
    const binaries = Object.keys(ownRpc) as Binary[];
    const pins = binaries.map(
      async (binary): Promise<readonly Pin[]> => [
        { binary, kind: 'objects', pinned: await this.objects(binary), own: objectVersion },
        { binary, kind: 'RPC', pinned: await this.rpc(binary), own: ownRpc[binary] },
      ],
    );
    return (await Promise.all(pins)).flat();
  }

  /** The rows are read anew: services may have been upgraded. */
  forget(): void {
    this.#rows = undefined;
  }

  async #of(binary: Binary | undefined) {
    this.#rows ??= this.#db.services.list();
    try {
      const rows = await this.#rows;
      return rows.filter((row) => binary === undefined || row.binary === binary);
    } catch (error) {
      this.#rows = undefined;
      throw error;
    }
  }
}

function lowest(versions: readonly (string | null)[]): string | undefined {
  const known = versions.filter((version) => version !== null);
  return known.sort(byNumber)[0];
}

function isBelow(version: string, other: string): boolean {
  return byNumber(version, other) < 0;
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
