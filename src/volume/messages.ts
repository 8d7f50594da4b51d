import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Tables } from '../interface/database.ts';
import type { RequestContext } from '../objects/context.ts';

/** What a user is told, by action and detail as every API knows them (manager.md §15). */
export const userMessages = {
  createFailed: { action_id: '008', detail_id: '012' },
  createInterrupted: { action_id: '008', detail_id: '001' },
  scheduleFailed: { action_id: '001', detail_id: '001' },
  snapshotFailed: { action_id: '009', detail_id: '013' },
  snapshotMetadataFailed: { action_id: '009', detail_id: '014' },
  snapshotBusy: { action_id: '010', detail_id: '015' },
  snapshotDeleteFailed: { action_id: '010', detail_id: '016' },
  extendFailed: { action_id: '007', detail_id: '010' },
  extendUntold: { action_id: '007', detail_id: '009' },
  extendLost: { action_id: '007', detail_id: '001' },
  attachModeInvalid: { action_id: '002', detail_id: '005' },
  legacyAttachNotReady: { action_id: '002', detail_id: '002' },
  attachDriverNotReady: { action_id: '004', detail_id: '002' },
  imageTooBig: { action_id: '005', detail_id: '007' },
  imageSignature: { action_id: '005', detail_id: '011' },
  imageConversion: { action_id: '005', detail_id: '029' },
  uploadNotReady: { action_id: '003', detail_id: '002' },
  uploadOverQuota: { action_id: '003', detail_id: '006' },
  uploadTooBig: { action_id: '003', detail_id: '007' },
  uploadFailed: { action_id: '003', detail_id: '004' },
  reimageConversion: { action_id: '016', detail_id: '029' },
  reimageUntold: { action_id: '016', detail_id: '028' },
  uploadLost: { action_id: '003', detail_id: '004' },
  reimageLost: { action_id: '016', detail_id: '001' },
} as const;

export type UserMessage = (typeof userMessages)[keyof typeof userMessages];

interface Subject {
  readonly id: string;
  readonly project_id: string | null;
}

/** Writes a message for the user of a volume or snapshot. One that cannot be written is logged, and no failure. */
export async function tellUser(
  tx: Tables,
  log: Logger,
  context: RequestContext,
  message: UserMessage,
  resource_type: 'VOLUME' | 'VOLUME_SNAPSHOT',
  subject: Subject,
): Promise<void> {
  const project_id = context.project_id ?? subject.project_id;
  if (project_id === null) return;
  try {
    const { request_id } = context;
    await tx.messages.create({ ...message, project_id, request_id, resource_type, resource_uuid: subject.id });
  } catch (error) {
    log.warning('The message %s for %s could not be written: %s', message.action_id, subject.id, messageOf(error));
  }
}
