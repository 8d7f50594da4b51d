import { readdirSync, readFileSync } from 'node:fs';

/** Reads of /proc. What cannot be read, because the process has gone or /proc is not there, is undefined. */

const pageSize = 4096;

/** Resident memory of a process in bytes. */
export function residentMemory(pid: number): number | null {
  const fields = read(`/proc/${pid}/statm`)?.split(' ');
  return fields?.[1] === undefined ? null : Number(fields[1]) * pageSize;
}

/**
 * True when this process is in the foreground of the terminal that stdout is: then SIGHUP means that the terminal has
 * gone, and not that the configuration should be read again (lifecycle.md §17.1).
 */
export function isForeground(stdoutIsTerminal: boolean): boolean {
  if (!stdoutIsTerminal) return false;
  const [, , group, , terminal, foreground] = statOf('self') ?? [];
  return terminal !== '0' && group !== undefined && group === foreground;
}

export interface Orphan {
  readonly pid: number;
  readonly host: string;
}

const title = 'cinder-volume: worker ';

/** Workers of an earlier instance on this node whose supervisor is gone (L-063). */
export function findOrphans(node: string): Orphan[] {
  const orphans: Orphan[] = [];
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const line = read(`/proc/${name}/cmdline`)?.replaceAll('\0', ' ').trim();
    if (!line?.startsWith(title)) continue;
    const host = line.slice(title.length).trim();
    const parent = statOf(name)?.[1];
    if (parent === '1' && host.startsWith(`${node}@`)) orphans.push({ pid: Number(name), host });
  }
  return orphans;
}

/** The fields of `stat` behind the command's name: state, parent, group, session, terminal, foreground group … */
function statOf(pid: string): string[] | undefined {
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
