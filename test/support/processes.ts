import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';

/** What /proc says of other processes. */

/** The command line as `ps` shows it; undefined when the process has gone. */
export function commandLineOf(pid: number): string | undefined {
  return read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trimEnd();
}

/** The parent of a process that lives; a zombie does not. */
export function parentOf(pid: number): number | undefined {
  const [state, parent] = fieldsOf(pid) ?? [];
  return state === undefined || state === 'Z' ? undefined : Number(parent);
}

/** The children of a process, those included that have ended and were not waited for. */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => Number(fieldsOf(child)?.[1]) === pid);
}

export function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

/** Pids whose command line has a text, as `pgrep -f` finds them. */
export function pgrep(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => commandLineOf(pid)?.includes(text));
}

/** Ports on this machine that a process has a TCP connection to, as `ss -ntp` tells. */
export function connectedPorts(pid: number): number[] {
  return sockets(pid, '01').map(({ remote }) => remote);
}

/** Ports on which a process listens. */
export function listeningPorts(pid: number): number[] {
  return sockets(pid, '0A').map(({ local }) => local);
}

function sockets(pid: number, state: string): { readonly local: number; readonly remote: number }[] {
  const inodes = new Set(openFilesOf(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  return ['tcp', 'tcp6'].flatMap((family) =>
    (read(`/proc/${pid}/net/${family}`) ?? '')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === state && inodes.has(fields[9] ?? ''))
      .map((fields) => ({ local: portOf(fields[1]), remote: portOf(fields[2]) })),
  );
}

/** What a process has open, by the paths that its descriptors lead to. */
export function openFilesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Whether a process has a handler for a signal. */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const [, mask = '0'] = /^SigCgt:\s*(\w+)$/m.exec(read(`/proc/${pid}/status`) ?? '') ?? [];
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

function portOf(address = ''): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16);
}

function fieldsOf(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
