import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NfsDriver } from '../../src/drivers/nfs.ts';
import { nfsOptions } from '../../src/drivers/nfs-options.ts';
import { createExecutor } from '../../src/exec/run.ts';
import type { DriverParts } from '../../src/interface/driver-parts.ts';
import type { Naming } from '../../src/interface/naming.ts';
import type { Volume } from '../../src/objects/volume.ts';
import type { BackendData } from '../conformance/volume-driver.ts';
import { driverParts, reading } from './driver-parts.ts';
import { aFolder } from './folder.ts';

/** Why images cannot be made here; undefined when they can. */
export function whyNoQemu(): string | undefined {
  try {
    execFileSync('qemu-img', ['--version'], { stdio: 'ignore' });
    execFileSync('qemu-io', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'qemu-utils is not installed';
  }
}

export const aShare = '192.0.2.1:/export/cinder';

/** Where a share is mounted below `state`. */
export function sharePoint(state: string, share: string): string {
  return join(state, 'mnt', createHash('md5').update(share).digest('hex'));
}

export interface NfsGiven {
  readonly values?: Readonly<Record<string, unknown>>;
  readonly parts?: Partial<DriverParts>;
  readonly shares?: readonly string[];
  readonly state?: string;
}

/**
 * A driver whose `mount` is a stand-in: it notes what is mounted where. No file but those below `state` is touched, and nobody
 * needs to be root.
 */
export function anNfsDriver(t: Pick<TestContext, 'after'>, given: NfsGiven = {}) {
  const { shares = [aShare], state = aFolder(t) } = given;
  const bin = join(state, 'bin');
  const mounts = join(state, 'mounts');
  const mountLog = join(state, 'mount.log');
  mkdirSync(bin, { recursive: true });
  writeFileSync(mounts, '', { flag: 'a' });
  script(join(bin, 'mount'), `echo "$*" >>${mountLog}; eval last=\\$$#; echo "x $last" >>${mounts}`);
  script(join(bin, 'mount.nfs'), 'exit 0');
  writeFileSync(join(state, 'shares'), shares.map((share) => `${share}\n`).join(''));
  const values = {
    nfs_shares_config: join(state, 'shares'),
    nfs_mount_point_base: join(state, 'mnt'),
    nfs_snapshot_support: true,
    nas_secure_file_operations: 'false',
    nas_secure_file_permissions: 'false',
    // The disk that tests run on may be nearly full.
    max_over_subscription_ratio: '1000',
    ...given.values,
  };
  const base = driverParts(state);
  const exec = createExecutor({
    environment: { PATH: `${bin}:${process.env['PATH']}` },
    rootHelper: [],
    logger: base.logger,
    grace: 500,
  });
  const parts = { ...base, exec, ...given.parts };
  const mounted = async (): Promise<ReadonlySet<string>> =>
    new Set(
      readFileSync(mounts, 'utf8')
        .split('\n')
        .map((line) => line.slice(2)),
    );
  const driver = new NfsDriver(parts, reading(values)(nfsOptions), { mounted, pause: 1, look: () => 10 });
  t.after(() => driver.close());
  const folderOf = (share = aShare): string => sharePoint(state, share);
  const calls = (): readonly string[] =>
    existsSync(mountLog) ? readFileSync(mountLog, 'utf8').trim().split('\n') : [];
  return { driver, parts, logger: base.logger, state, bin, mounts, folderOf, folder: folderOf(shares[0]), calls };
}

export async function aReadyNfsDriver(t: Pick<TestContext, 'after'>, given: NfsGiven = {}) {
  const subject = anNfsDriver(t, given);
  await subject.driver.doSetup(new AbortController().signal);
  return subject;
}

export function script(path: string, body: string): void {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** The file that hosts would open. */
export function activeFile(folder: string, name: string): string {
  const info = join(folder, `${name}.info`);
  return join(folder, existsSync(info) ? String(JSON.parse(readFileSync(info, 'utf8')).active) : name);
}

/** The file that holds a snapshot: the one below its own. */
export function snapshotFile(folder: string, name: string, id: string): string | undefined {
  const info = join(folder, `${name}.info`);
  const file = existsSync(info) ? JSON.parse(readFileSync(info, 'utf8'))[id] : undefined;
  return file === undefined ? undefined : join(folder, String(infoOf(join(folder, file))['backing-filename']));
}

function formatOf(path: string): string {
  return readFileSync3(path) === 'QFI' ? 'qcow2' : 'raw';
}

function readFileSync3(path: string): string {
  return execFileSync('head', ['-c', '3', path]).toString();
}

/** Reads and writes as a guest does: through the whole chain. */
export function nfsData(folder: string, naming: Naming): BackendData {
  const active = (volume: Volume): string => activeFile(folder, naming.volume(volume));
  const sizeOf = (path: string): number | undefined => (existsSync(path) ? virtualSize(path) : undefined);
  return {
    async read(volume, offset, length) {
      return readImage(active(volume), offset, length);
    },
    async write(volume, offset, bytes) {
      await writeImage(active(volume), offset, bytes);
    },
    size: async (volume) => sizeOf(active(volume)),
    async snapshotSize(snapshot) {
      const file = snapshotFile(folder, naming.volume({ id: snapshot.volume_id, _name_id: null }), snapshot.id);
      return file === undefined ? undefined : sizeOf(file);
    },
    leftOvers: async () => (await readdir(folder)).filter((name) => name !== '.cinderSecureEnvIndicator'),
  };
}

export function infoOf(path: string): Readonly<Record<string, unknown>> {
  const words = ['info', '-f', formatOf(path), '--force-share', '--output=json', path];
  return JSON.parse(execFileSync('qemu-img', words).toString());
}

function virtualSize(path: string): number {
  return Number(infoOf(path)['virtual-size']);
}

/** Six bytes at each offset, as text, with `-` for zeros. */
export function textsAt(path: string, offsets: readonly number[]): string {
  const reads = offsets.flatMap((offset) => ['-c', `read -v ${offset} 6`]);
  const dump = execFileSync('qemu-io', ['-r', '-f', formatOf(path), ...reads, path]).toString();
  const texts = hexLines(dump).map((hex) => Buffer.from(hex, 'hex').subarray(0, 6).toString().replaceAll('\0', '-'));
  return texts.join(' ');
}

async function readImage(path: string, offset: number, length: number): Promise<Buffer> {
  if (formatOf(path) === 'raw') {
    const handle = await open(path);
    try {
      return (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
    } finally {
      await handle.close();
    }
  }
  const dump = execFileSync('qemu-io', ['-r', '-f', 'qcow2', '-c', `read -v ${offset} ${length}`, path]).toString();
  return Buffer.from(hexLines(dump).join(''), 'hex').subarray(0, length);
}

/** The bytes of a dump of qemu-io, sixteen a line; behind them stands the same as text. */
function hexLines(dump: string): string[] {
  const lines = [...dump.matchAll(/^[0-9a-f]{8,}:((?: {1,2}[0-9a-f]{2}){1,16})/gm)];
  return lines.map(([, hex = '']) => hex.replaceAll(' ', ''));
}

async function writeImage(path: string, offset: number, bytes: Buffer): Promise<void> {
  if (formatOf(path) === 'raw') {
    if (!(await stat(path)).isFile()) throw new Error('no file');
    const handle = await open(path, 'r+');
    try {
      await handle.write(bytes, 0, bytes.length, offset);
    } finally {
      await handle.close();
    }
    return;
  }
  const source = `${path}.bytes`;
  writeFileSync(source, bytes);
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -s ${source} ${offset} ${bytes.length}`, path]);
  execFileSync('rm', [source]);
}
