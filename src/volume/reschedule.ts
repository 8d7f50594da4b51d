import { messageOf } from '../base/errors.ts';
import { utcNow } from '../base/time.ts';
import type { RequestContext } from '../objects/context.ts';
import { isRecord } from '../objects/versioned-object.ts';
import type { Volume } from '../objects/volume.ts';
import type { Work } from './claim.ts';
import type { VolumeManager } from './manager.ts';
import { tellUser, userMessages } from './messages.ts';

interface Request {
  readonly request_spec: { readonly primitive: unknown };
  readonly filter_properties: Readonly<Record<string, unknown>>;
  readonly allow_reschedule: boolean;
}

/** Failures that another backend would meet as well (manager.md §4.3). */
const finalFailures = new Set([
  'ImageCopyFailure',
  'MetadataCopyFailure',
  'MetadataUpdateFailure',
  'VolumeNotFound',
  'SnapshotNotFound',
  'VolumeTypeNotFound',
  'ImageConversionNotAllowed',
  'ImageUnacceptable',
  'ImageTooBig',
  'InvalidSignatureImage',
  'ImageSignatureVerificationException',
  'InvalidInput',
]);

/** Whether a failed create goes back to the scheduler: only where the request allows it and another try could help. */
export function shouldReschedule(request: Request, error: unknown): boolean {
  const { retry } = request.filter_properties;
  if (!request.allow_reschedule || request.request_spec.primitive === null) return false;
  if (!isRecord(retry) || Object.keys(retry).length === 0) return false;
  return !(error instanceof Error && finalFailures.has(error.name));
}

/**
 * Hands a failed create back to the scheduler: what was made here is removed first, then the row loses its host, then the
 * message goes. The claim stays ours until the scheduler takes it, so that a crash in between is found (manager.md §4.3).
 * No scheduler within 60 s: the volume is ours again, in `error`, and its user is told.
 */
export async function reschedule(
  manager: VolumeManager,
  context: RequestContext,
  work: Work<Volume>,
  request: Request,
  cause: unknown,
): Promise<void> {
  const { driver, log, capabilities, settings, scheduler } = manager;
  const volume = work.resource;
  const within = AbortSignal.timeout(60_000);
  try {
    await driver.deleteVolume(volume, within);
  } catch (error) {
    log.log('WARNING', { error, resource: volume.id }, 'What a failed create left could not be removed');
  }
  const given = { host: null, status: 'creating', scheduled_at: utcNow() };
  await work.recordStatus('creating', (tx) => tx.volumes.update(volume.id, given, ['creating', 'downloading']));
  work.stopRenewing();
  try {
    await scheduler.createVolume(
      context,
      { volume: { ...volume, host: null }, ...handedBack(request, volume, cause) },
      within,
    );
    capabilities.allocate(volume.host, -volume.size, settings);
    log.info('Volume %s was handed back to the scheduler: %s', volume.id, messageOf(cause));
  } catch (error) {
    log.log('ERROR', { error, resource: volume.id }, 'No scheduler took volume %s back', volume.id);
    await work.finish(async (tx) => {
      await tx.volumes.update(volume.id, { host: volume.host, status: 'error' }, ['creating']);
      await tellUser(tx, log, context, userMessages.scheduleFailed, 'VOLUME', volume);
    });
  }
}

/** The request as it came, with what went wrong added where the scheduler looks for it. */
function handedBack(
  request: Request,
  volume: Volume,
  cause: unknown,
): { request_spec: unknown; filter_properties: unknown } {
  const retry = isRecord(request.filter_properties['retry']) ? request.filter_properties['retry'] : {};
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  const exc = stack.split('\n').map((line) => `${line}\n`);
  return {
    request_spec: withVolumeId(request.request_spec.primitive, volume.id),
    filter_properties: { ...request.filter_properties, retry: { ...retry, exc } },
  };
}

function withVolumeId(primitive: unknown, id: string): unknown {
  if (!isRecord(primitive) || !isRecord(primitive['versioned_object.data'])) return primitive;
  return { ...primitive, 'versioned_object.data': { ...primitive['versioned_object.data'], volume_id: id } };
}
