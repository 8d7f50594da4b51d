import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandContext } from './command.ts';
import { interruptible } from './interruption.ts';
import { progressLine } from './progress.ts';
import type { Session } from './session.ts';

/** States that pass by themselves. */
const passing = new Set([
  'creating',
  'downloading',
  'deleting',
  'extending',
  'attaching',
  'detaching',
  'uploading',
  'retyping',
  'reverting',
  'restoring',
  'restoring-backup',
  'backing-up',
  'managing',
  'unmanaging',
  'maintenance',
]);

/** Milliseconds between two looks; the rows are a file on this machine. */
const lookEvery = 50;

interface Watched {
  readonly kind: 'volume' | 'snapshot';
  readonly id: string;
  /** The status now; undefined when the resource is gone. */
  look(): Promise<string | undefined>;
  /** Told a line per change, which `watch` prints on stdout and `--wait` shows on a terminal alone. */
  onChange?(status: string): void;
}

/**
 * Waits until the state no longer passes by itself. Resolves to it; undefined when the resource is gone. ^C ends the
 * waiting, not the work (ecosystem.md §3.1).
 */
export async function waitForEnd(
  session: Session,
  context: CommandContext,
  watched: Watched,
): Promise<string | undefined> {
  const { kind, id } = watched;
  const line = progressLine(context.stderr);
  let shown: string | undefined;
  let asked = 0;
  const lastWords = (): string =>
    `${kind} ${id} is still ${shown ?? 'under way'}; 'volume-daemon ${kind} show ${id}' shows what becomes of it`;
  const follow = async (): Promise<string | undefined> => {
    for (;;) {
      const status = await watched.look();
      if (status !== undefined && status !== shown) watched.onChange?.(status);
      shown = status;
      if (status === undefined || !passing.has(status)) return status;
      if (context.stderr.isTTY === true && performance.now() - asked > 500) {
        asked = performance.now();
        line.show(`${id} ${status}${await progressOf(session, id)}`);
      }
      await sleep(lookEvery, undefined, { signal: context.signal });
    }
  };
  try {
    return await interruptible(context, lastWords, follow);
  } finally {
    line.end();
  }
}

/** How far the daemon says that it has come; nothing when it does not say. */
async function progressOf(session: Session, id: string): Promise<string> {
  try {
    const running = (await session.status()).backends.flatMap(({ inflight }) => inflight);
    const progress = running.find(({ about }) => about === id)?.progress;
    return progress === undefined ? '' : `  ${progress}`;
  } catch {
    return '';
  }
}

/** Whether a state means that something went wrong. */
export function isFailure(status: string): boolean {
  return status.startsWith('error');
}
