import { randomBytes } from 'node:crypto';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { naming } from '../base/file-error.ts';
import { makeFolder } from '../base/folders.ts';
import type { Chap } from './chap.ts';

/** What a target is made of: enough to make it again. */
export interface TgtExport {
  readonly iqn: string;
  readonly path: string;
  /** Undefined only in a file that somebody else wrote without one. */
  readonly chap: Chap | undefined;
  /** Names of the initiators that may log in; undefined: all of them, as upstream leaves it. */
  readonly initiators: readonly string[] | undefined;
}

/**
 * The files of `volumes_dir`, one a volume, in the form of tgt's own configuration: `tgt-admin -e` and upstream's service
 * read them as well. They hold secrets, so only their owner may read them.
 */
export class TgtFiles {
  readonly #folder: string;
  readonly #settings: { readonly writeCache: string; readonly flags: string };

  constructor(folder: string, settings: { readonly writeCache: string; readonly flags: string }) {
    this.#folder = folder;
    this.#settings = settings;
  }

  get folder(): string {
    return this.#folder;
  }

  /** Makes the folder, mode 0750 (O-33). */
  async prepare(): Promise<void> {
    await makeFolder(this.#folder, 0o750).catch((error: unknown) => {
      const who = process.getuid?.();
      throw new Error(`volumes_dir ${this.#folder} cannot be made by uid ${who}: ${messageOf(error)}`, {
        cause: error,
      });
    });
  }

  async read(name: string): Promise<TgtExport | undefined> {
    try {
      return parseExport(await readFile(this.#fileOf(name), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Replaces the file; a reader sees the old one or the new one. */
  async write(name: string, wanted: TgtExport): Promise<void> {
    const file = this.#fileOf(name);
    const draft = join(this.#folder, `.${name}.${randomBytes(4).toString('hex')}`);
    try {
      await naming(draft, () => fill(draft, exportText(name, wanted, this.#settings)));
      await rename(draft, file);
    } catch (error) {
      await unlink(draft).catch(() => {});
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await unlink(this.#fileOf(name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  #fileOf(name: string): string {
    if (!/^[\w:+-][\w.:+-]*$/.test(name)) throw new Error(`${JSON.stringify(name)} cannot name a file`);
    return join(this.#folder, name);
  }
}

async function fill(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Without a line about addresses tgt-admin lets everybody in, whatever names there are; from this one nobody comes. */
const onlyNamed = 'initiator-address 255.255.255.255';

function exportText(
  name: string,
  wanted: TgtExport,
  settings: { readonly writeCache: string; readonly flags: string },
): string {
  const lines = [
    `backing-store ${wanted.path}`,
    'driver iscsi',
    ...(wanted.chap === undefined ? [] : [`incominguser ${wanted.chap.user} ${wanted.chap.password}`]),
    ...(wanted.initiators === undefined ? [] : [onlyNamed]),
    ...(wanted.initiators ?? []).map((initiator) => `initiator-name ${initiator}`),
    ...(settings.flags === '' ? [] : [`bsoflags ${settings.flags}`]),
    `write-cache ${settings.writeCache}`,
    `scsi_sn ${name}`,
    `scsi_id ${name}`,
  ];
  return `\n<target ${wanted.iqn}>\n${lines.map((line) => `    ${line}\n`).join('')}</target>\n`;
}

function parseExport(text: string): TgtExport | undefined {
  const [, iqn] = /^\s*<target ([^>\s]+)>/m.exec(text) ?? [];
  const values = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^\\s*${key}\\s+(.*?)\\s*$`, 'gm'))].map(([, value = '']) => value);
  const [path] = values('backing-store');
  if (iqn === undefined || path === undefined) return undefined;
  const [user, password] = values('incominguser')[0]?.split(/\s+/) ?? [];
  const initiators = values('initiator-name');
  return {
    iqn,
    path,
    chap: user === undefined || password === undefined ? undefined : { user, password },
    initiators: initiators.length > 0 || text.includes(onlyNamed) ? initiators : undefined,
  };
}
