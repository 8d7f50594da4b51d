import { messageOf } from '../base/errors.ts';
import { Backoff } from '../base/retry.ts';
import { adminContext } from '../objects/context.ts';
import type { Volume } from '../objects/volume.ts';
import { publishCapabilities } from './capabilities.ts';
import { cleanUp } from './cleanup.ts';
import type { VolumeManager } from './manager.ts';
import { pages } from './pages.ts';

/** What the set-up tells the service that waits for it. */
export interface SetupListener {
  /** The driver works from now on. */
  initialized(): void;
  /** A try failed; the next one comes in `wait` milliseconds. */
  failed(error: unknown, wait: number): void;
}

/** Waits between the tries of a driver's set-up can be cut short by an operator (`backend reinit`). */
export interface Impatience {
  /** Resolves when somebody asks for a try now. */
  asked(signal: AbortSignal): Promise<void>;
}

/**
 * Sets the driver up, again and again until it works or `signal` aborts: after 1, 2, 4 … up to 60 s (L-121). The service
 * runs meanwhile, answers DriverNotInitialized, and shows as down.
 */
export async function initHost(
  manager: VolumeManager,
  listener: SetupListener,
  impatience: Impatience,
  signal: AbortSignal,
): Promise<void> {
  const { driver, log } = manager;
  const backoff = new Backoff({ first: 1_000, most: 60_000 });
  for (let tries = 1; ; tries++) {
    log.info('Starting volume driver %s (%s)', driver.name, driver.version);
    try {
      await setUp(manager, signal);
      log.info('Driver initialization completed successfully.');
      listener.initialized();
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      if (tries === 1) log.exception(error, 'Failed to initialize driver.');
      else log.error('Failed to initialize driver (try %d): %s', tries, messageOf(error));
      const wait = backoff.next();
      listener.failed(error, wait);
      await waitUnless(impatience, wait, signal);
    }
  }
}

/** Steps b to i of manager.md §2.2. */
async function setUp(manager: VolumeManager, signal: AbortSignal): Promise<void> {
  const { driver, capabilities, db, host, log, settings } = manager;
  await driver.doSetup(signal);
  capabilities.describe(await driver.getVolumeStats(signal));
  capabilities.reset();
  const usage = await db.volumes.usage(host);
  if (usage.length === 0 && (await db.volumes.serviceHosts()).length === 0) {
    log.info('Determined volume DB was empty at startup.');
  }
  const unborn = await db.volumes.usage(host, ['creating']);
  for (const { host: pool, size } of usage) capabilities.allocate(pool, size, settings);
  for (const { host: pool, size } of unborn) capabilities.allocate(pool, -size, settings);
  await atMost(5_000, reExport(manager, signal));
  await manager.imageFiles.sweep();
}

/** Brings the exports of in-use volumes back (S-21). One that fails puts its volume into `error` and stops nothing. */
async function reExport(manager: VolumeManager, signal: AbortSignal): Promise<void> {
  const { db, driver, host, log } = manager;
  for await (const volume of pages<Volume>((page) => db.volumes.ofService(host, page, ['in-use']))) {
    try {
      await driver.ensureExport(volume, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      log.log('ERROR', { error, resource: volume.id }, 'Failed to re-export volume, setting to ERROR.');
      await db.volumes.update(volume.id, { status: 'error' }, ['in-use']);
    }
  }
}

/** What remains to be done once the driver works: report and replication state (manager.md §2.2 k, §2.4). */
export async function afterInit(manager: VolumeManager, signal: AbortSignal): Promise<void> {
  const { driver, log, db, service, capabilities } = manager;
  log.info('Initializing RPC dependent components of volume driver %s (%s)', driver.name, driver.version);
  try {
    await publishCapabilities(manager, adminContext(), signal);
  } catch (error) {
    log.warning('The first capability report did not leave: %s', messageOf(error));
  }
  const row = await db.services.get(service.id);
  const replication = capabilities.described['replication_enabled'] === true ? 'enabled' : 'disabled';
  // A failover that was asked for is not forgotten by a restart: its message, or the look for lost ones, ends it.
  const kept = ['failed-over', 'failing-over'];
  if (row !== undefined && !kept.includes(row.replication_status ?? '') && row.replication_status !== replication) {
    await db.services.update(service.id, { replication_status: replication });
  }
  log.info('Driver post RPC initialization completed successfully.');
}

/** The clean-up of a start, with upstream's two lines around it. True when rows were left for a later look. */
export async function cleanUpAtStart(manager: VolumeManager, alone: boolean, signal: AbortSignal): Promise<boolean> {
  manager.cleanupLog.info('Initiating service %s cleanup', manager.service.id);
  const again = await cleanUp(manager, { alone }, signal);
  manager.cleanupLog.info('Service %s cleanup completed.', manager.service.id);
  return again;
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, enough]);
  } finally {
    clearTimeout(timer);
  }
}

async function waitUnless(impatience: Impatience, ms: number, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const pause = new Backoff({ first: ms, most: ms });
  try {
    await Promise.race([pause.wait(both), impatience.asked(both)]);
  } finally {
    stop.abort();
  }
}
