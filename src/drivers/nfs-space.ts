import type { Executor } from '../interface/executor.ts';
import { VolumeDriverException } from '../objects/exceptions.ts';
import { GiB } from './volume-size.ts';

/** Bytes of a share. */
export interface ShareSpace {
  readonly total: number;
  readonly available: number;
  /** What its files promise, snapshots aside. */
  readonly allocated: number;
}

/** How full a share may become. */
export interface SpaceLimits {
  readonly reservedPercentage: number;
  readonly overSubscription: number;
}

/** What stands where a share is mounted. A server that does not answer is an error after half a minute. */
export async function spaceOf(
  exec: Executor,
  folder: string,
  asRoot: boolean,
  signal: AbortSignal,
): Promise<ShareSpace> {
  const options = { asRoot, signal } as const;
  const { stdout } = await exec.run('stat', ['-f', '-c', '%S %b %a', folder], { ...options, timeout: 30_000 });
  const [blockSize = Number.NaN, blocks = Number.NaN, available = Number.NaN] = stdout.trim().split(' ').map(Number);
  if (!Number.isFinite(blockSize * blocks * available)) throw new Error(`stat -f ${folder} printed ${stdout.trim()}`);
  const used = await diskUse(exec, ['-sb', '--apparent-size', '--exclude', '*snapshot*', folder], options);
  return { total: blockSize * blocks, available: blockSize * available, allocated: used };
}

/** What all files of a share promise together, in bytes. */
export async function provisionedOn(
  exec: Executor,
  folder: string,
  asRoot: boolean,
  signal: AbortSignal,
): Promise<number> {
  return diskUse(exec, ['--bytes', '-s', folder], { asRoot, signal });
}

/** A file that goes while du looks makes it exit with 1; its sum stands nevertheless. */
async function diskUse(
  exec: Executor,
  words: readonly string[],
  options: { readonly asRoot: boolean; readonly signal: AbortSignal },
): Promise<number> {
  const { stdout } = await exec.run('du', words, { ...options, timeout: 600_000, exitCodes: [0, 1] });
  const bytes = Number.parseInt(stdout, 10);
  if (Number.isNaN(bytes)) throw new Error(`du ${words.join(' ')} printed no number`);
  return bytes;
}

/** Why a share cannot take so many GiB more; undefined when it can. The same three questions as upstream asks. */
export function whyNotEligible(space: ShareSpace, gib: number, limits: SpaceLimits): string | undefined {
  const { total, available, allocated } = space;
  const { overSubscription, reservedPercentage } = limits;
  if ((total - available) / total > (100 - reservedPercentage) / 100) return 'used ratio exceeded';
  if (Math.max(0, total * overSubscription - allocated) <= gib * GiB) return 'insufficient (apparent) available space';
  if (allocated / total >= overSubscription) return 'utilization exceeds max over subscription ratio';
  return undefined;
}

/** What `max_over_subscription_ratio` comes to; throws VolumeDriverException for what is no ratio. */
export function overSubscription(text: string): number {
  const ratio = Number(text);
  if (ratio >= 1) return ratio;
  throw new VolumeDriverException(
    text === 'auto'
      ? 'This driver does not support automatic (auto) max_over_subscription_ratio calculation. Please use a valid float value.'
      : `max_over_subscription_ratio must be a number from 1 on, not '${text}'`,
  );
}
