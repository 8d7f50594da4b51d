import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { activityOf, pssOf, sum } from '../bench/measure.ts';

/** A process and everything below it, as far as it lives. */
export function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : undefined;
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields !== undefined && fields[0] !== 'Z') parents.set(Number(name), Number(fields[1]));
  }
  const found = parents.has(root) ? [root] : [];
  for (const pid of found) {
    for (const [child, parent] of parents) if (parent === pid && !found.includes(child)) found.push(child);
  }
  return found;
}

/** Milliseconds that a tree has computed, the children that it has waited for included. */
export function cpuOf(root: number): number {
  const ticks = treeOf(root).map((pid) => {
    const stat = read(`/proc/${pid}/stat`) ?? '';
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum(fields.slice(11, 15).map(Number));
  });
  return sum(ticks) * 10;
}

export function memoryOf(root: number): number {
  return sumOf(root, pssOf);
}

export function wakeUpsOf(root: number): number {
  return sumOf(root, (pid) => activityOf(pid).wakeUps);
}

/** A process that ends meanwhile counts for nothing: a periodic task of theirs had started it. */
function sumOf(root: number, figure: (pid: number) => number): number {
  const figures = treeOf(root).map((pid) => {
    try {
      return figure(pid);
    } catch {
      return 0;
    }
  });
  return sum(figures);
}

/** How many TCP connections to a port of loopback the processes of a tree hold. */
export function connectionsOf(root: number, port: number): number {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const sockets = new Set(
    ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((file) => (read(file) ?? '').split('\n').slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[2]?.endsWith(`:${wanted}`) && fields[3] === '01')
      .map((fields) => `socket:[${fields[9]}]`),
  );
  const held = treeOf(root).flatMap((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return [];
    }
  });
  return new Set(held.filter((name) => sockets.has(name))).size;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
