import { existsSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { compileStrftime } from './strftime.ts';

/** When a log file is put aside, and under which name (logging.md §5). */
export interface Rotation {
  /** When it is due by the clock: epoch milliseconds, or infinity. */
  readonly dueAt: number;
  /** Whether it is due now, for a file of `size` bytes. */
  isDue(size: number, now: number): boolean;
  /** Renames `path` and removes what is too old. Throws what the file system says. */
  rotate(path: string, now: number): void;
}

/** `.1`, `.2` … up to `count` files of about `bytes`. Without a size or a count nothing is rotated, as in Python. */
export function rotationBySize(bytes: number, count: number): Rotation {
  return {
    dueAt: Number.POSITIVE_INFINITY,
    isDue: (size) => bytes > 0 && count > 0 && size >= bytes,
    rotate(path) {
      for (let number = count - 1; number >= 1; number--) {
        if (existsSync(`${path}.${number}`)) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
      }
      renameSync(path, `${path}.1`);
    },
  };
}

/** What log_rotate_interval_type may be. */
export const intervals = ['seconds', 'minutes', 'hours', 'days', 'weekday', 'midnight'] as const;

export type Interval = (typeof intervals)[number];

const second = 1000;
const lengths = { seconds: second, minutes: 60 * second, hours: 3600 * second, days: 86_400 * second };
const suffixes: Readonly<Record<Interval, string>> = {
  seconds: '%Y-%m-%d_%H-%M-%S',
  minutes: '%Y-%m-%d_%H-%M',
  hours: '%Y-%m-%d_%H',
  days: '%Y-%m-%d',
  weekday: '%Y-%m-%d',
  midnight: '%Y-%m-%d',
};
const anySuffix = /^\d{4}-\d\d-\d\d(_\d\d(-\d\d){0,2})?(\.\d+)?$/;

/**
 * At the end of each interval the file gets the time of its beginning as a suffix; `count` of them are kept, all where it
 * is 0. With `weekday`, `amount` is the day after which it happens (0 is Monday). `begun`: when the file was last written.
 * An empty file stays.
 */
export function rotationByTime(type: Interval, amount: number, count: number, begun: number): Rotation {
  const stamp = compileStrftime(suffixes[type]);
  let dueAt = nextAfter(type, amount, begun);
  return {
    get dueAt() {
      return dueAt;
    },
    isDue: (size, now) => {
      if (now < dueAt) return false;
      if (size === 0) dueAt = nextAfter(type, amount, now);
      return size > 0;
    },
    rotate(path, now) {
      const target = `${path}.${stamp(beginningOf(type, amount, dueAt))}`;
      dueAt = nextAfter(type, amount, now);
      renameSync(path, free(target));
      if (count > 0) for (const old of rotated(path).slice(0, -count)) unlinkSync(old);
    },
  };
}

function nextAfter(type: Interval, amount: number, time: number): number {
  if (type !== 'weekday' && type !== 'midnight') return time + lengths[type] * Math.max(1, amount);
  const date = new Date(time);
  const today = (date.getDay() + 6) % 7;
  const days = type === 'midnight' ? 0 : (amount - today + 7) % 7;
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days + 1).getTime();
}

function beginningOf(type: Interval, amount: number, end: number): number {
  if (type !== 'weekday' && type !== 'midnight') return end - lengths[type] * Math.max(1, amount);
  const date = new Date(end);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - (type === 'midnight' ? 1 : 7)).getTime();
}

/** A name that no earlier file has: a rotation never overwrites one. */
function free(target: string): string {
  let path = target;
  for (let number = 1; existsSync(path); number++) path = `${target}.${number}`;
  return path;
}

/** The rotated files of `path`, the oldest first. */
function rotated(path: string): string[] {
  const prefix = `${basename(path)}.`;
  const names = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(prefix) && anySuffix.test(name.slice(prefix.length)),
  );
  return names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).map((name) => join(dirname(path), name));
}
