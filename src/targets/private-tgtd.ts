import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { naming } from '../base/file-error.ts';
import { makeFolder } from '../base/folders.ts';
import type { Executor, StartOptions } from '../interface/executor.ts';
import { Tgtadm, type TgtdAddress } from './tgtadm.ts';

/** A tgtd of our own, below `state_path`: it needs no root and does not meet the machine's (S-33). */
export interface PrivateTgtd extends TgtdAddress {
  readonly socket: string;
  readonly portal: { readonly address: string; readonly port: number };
}

/** `missing`: not installed. `silent`: installed, but none answers at that address. */
export type TgtdPresence = 'answers' | 'silent' | 'missing';

/** Looks for a tgtd: the machine's own, or another. Never throws. */
export async function findTgtd(exec: Executor, address: TgtdAddress): Promise<TgtdPresence> {
  if ((await exec.find('tgtadm')) === undefined) return 'missing';
  const tgtadm = new Tgtadm(exec, { address, tries: 1, folder: '/' });
  const answers = await tgtadm.ping().then(
    () => true,
    () => false,
  );
  if (answers) return 'answers';
  return (await exec.find('tgtd')) === undefined ? 'missing' : 'silent';
}

/**
 * Prepares `folder` (mode 0700) and chooses a portal on loopback with a free port. The port is kept in the folder: hosts that
 * are connected look for it again after a restart. One that still runs there, left by a parent that was killed, is ended:
 * it is nobody's child, and what it exported is exported anew.
 */
export async function preparePrivateTgtd(folder: string): Promise<PrivateTgtd> {
  await makeFolder(folder, 0o700);
  const socket = join(folder, 'tgtd');
  if (Buffer.byteLength(`${socket}.1.lock`) > 107) {
    throw new Error(`${socket} is too long a path for a socket: 100 characters fit; choose a shorter state_path`);
  }
  const file = join(folder, 'port');
  const kept = Number(await readFile(file, 'utf8').catch(() => ''));
  const address = { socket, controlPort: 1, asRoot: false };
  await endLeftover(socket);
  const stays = kept > 0 && (await isFree(kept));
  const port = stays ? kept : await freePort();
  if (!stays) await naming(file, () => writeFile(file, `${port}\n`, { mode: 0o600 }));
  return { ...address, portal: { address: loopback, port } };
}

/** How to start it by `Executor.start`: in the foreground, what it says in a file beside its socket. */
export function privateTgtdCommand(tgtd: PrivateTgtd): {
  file: string;
  args: readonly string[];
  options: StartOptions;
} {
  const { address, port } = tgtd.portal;
  return {
    file: 'tgtd',
    args: ['-f', '-C', String(tgtd.controlPort), '--iscsi', `portal=${address}:${port}`],
    options: { env: { TGT_IPC_SOCKET: tgtd.socket }, output: `${tgtd.socket}.log` },
  };
}

/** Resolves as soon as it answers (some 10 ms); rejects with the signal's reason when that aborts before. */
export async function waitForTgtd(exec: Executor, address: TgtdAddress, signal: AbortSignal): Promise<void> {
  while ((await findTgtd(exec, address)) !== 'answers') await sleep(10, undefined, { signal });
}

const loopback = '127.0.0.1';

/** Kills the tgtd that has our control socket, and waits until it is gone. */
async function endLeftover(socket: string): Promise<void> {
  // One that has ended and that nobody waited for still has its name, but no environment any more.
  const isOurs = async (pid: string): Promise<boolean> => {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(`TGT_IPC_SOCKET=${socket}`)) return false;
    return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'tgtd';
  };
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (!(await isOurs(pid))) continue;
    process.kill(Number(pid), 'SIGKILL');
    while (await isOurs(pid)) await sleep(5);
  }
}

async function isFree(port: number): Promise<boolean> {
  return listening(port).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  return listening(0);
}

/** Listens for a moment, and gives the port. */
async function listening(port: number): Promise<number> {
  const server = createServer().listen(port, loopback);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
