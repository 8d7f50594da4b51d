import { readFile, stat } from 'node:fs/promises';

/** The process that holds a lock on `file`, as the kernel says; undefined where it does not say. */
export async function lockHolder(file: string): Promise<number | undefined> {
  const [table, { ino }] = await Promise.all([readFile('/proc/locks', 'utf8'), stat(file, { bigint: true })]);
  const pids = table.split('\n').flatMap((line) => {
    // "12: POSIX  ADVISORY  WRITE 4711 fd:00:131 0 EOF"; a waiter has "->" behind its number.
    const [, kind, , , pid, place] = line.split(/\s+/);
    return kind === 'POSIX' && place?.endsWith(`:${ino}`) ? [Number(pid)] : [];
  });
  return pids.find((pid) => pid > 0);
}

/** The short name of a process, for people; undefined when it is gone. */
export async function processName(pid: number): Promise<string | undefined> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
  return name?.trim();
}
