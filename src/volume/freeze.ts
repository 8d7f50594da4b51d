import { isAbort } from '../base/errors.ts';
import { requireDriver, type VolumeManager } from './manager.ts';

/** Disables the service and tells the driver; a driver that objects is a warning (manager.md §12.2). Always true. */
export async function freezeHost(manager: VolumeManager, signal: AbortSignal): Promise<true> {
  const { driver, db, log, service } = manager;
  try {
    await driver.freezeBackend?.(signal);
  } catch (error) {
    if (isAbort(error)) throw error;
    log.log('WARNING', { error }, 'The service is frozen, but the driver could not be told');
  }
  await db.services.update(service.id, { disabled: true, disabled_reason: 'frozen' });
  log.info('Set backend status to frozen successfully.');
  return true;
}

/** Enables the service again. False, and nothing written, where the driver objects. */
export async function thawHost(manager: VolumeManager, signal: AbortSignal): Promise<boolean> {
  const { db, log, service } = manager;
  const driver = requireDriver(manager);
  try {
    await driver.thawBackend?.(signal);
  } catch (error) {
    if (isAbort(error)) throw error;
    log.log('ERROR', { error }, 'The driver refuses to thaw the backend; the service stays disabled');
    return false;
  }
  await db.services.update(service.id, { disabled: false, disabled_reason: '' });
  log.info('Thawed backend successfully.');
  return true;
}
