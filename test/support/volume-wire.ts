import type { NewVolume } from '../../src/interface/volume-table.ts';
import { encodeEnvelope, type Message } from '../../src/messaging/envelope.ts';
import { contextFromMessage } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import { levels, type TestManager } from './manager.ts';
import { aBroker, aClient, aServer, aTransport, testQueue, testTarget } from './messaging.ts';
import { type CapturedMessage, capturedMessages } from './wire.ts';

/** The service that the recordings were made with. */
export const recordedHost = serviceHost('labhost', 'nfs1');

export interface VolumeWire {
  /** Sends a recorded call with its own arguments, version and context. Resolves and rejects as its caller would see it. */
  call(recorded: CapturedMessage): Promise<unknown>;
  /** Publishes a recorded cast, byte for byte, and waits until the operation has ended. */
  cast(recorded: CapturedMessage): Promise<void>;
}

/** Runs `body` with a volume service on an embedded broker: everything is real but the driver. */
export async function withVolumeWire(manager: TestManager, body: (wire: VolumeWire) => Promise<void>): Promise<void> {
  const broker = await aBroker();
  const transport = await aTransport(broker);
  const callers = await aTransport(broker);
  const client = aClient(callers, 10);
  let ended = (): void => {};
  const server = await aServer(transport, volumeEndpoint(manager, levels), { observe: () => ended() });
  try {
    await body({
      call: ({ message }) => client.call(testTarget, requestIn(message), {}, AbortSignal.timeout(20_000)),
      async cast({ message }) {
        const end = new Promise<void>((resolve) => {
          ended = resolve;
        });
        const publication = { to: { exchange: '', key: testQueue }, body: encodeEnvelope(message) };
        await callers.publish(publication, { within: 20_000, again: true });
        await end;
      },
    });
  } finally {
    await server.close();
    await client.close();
    await callers.close(0);
    await transport.close(0);
    await broker.close();
  }
}

/** The messages of a recording with one method, in order. */
export function recordedRequests(file: string, method: string): CapturedMessage[] {
  return capturedMessages(file).filter(({ message }) => message['method'] === method);
}

/** The recorded answer to a recorded call. */
export function recordedReply(file: string, call: CapturedMessage): Message {
  const reply = capturedMessages(file).find(
    ({ message }) => message['_msg_id'] === call.message['_msg_id'] && message['ending'] === true,
  );
  if (reply === undefined) throw new Error(`${file} has no answer to ${String(call.message['method'])}`);
  return reply.message;
}

/** Writes the row of a volume as a recorded message shows it. */
export async function storeVolume(
  { db }: Pick<TestManager, 'db'>,
  recorded: unknown,
  changes: Partial<NewVolume> = {},
): Promise<string> {
  const {
    volume_type: _type,
    volume_attachment: _attachments,
    volume_type_id: _id,
    service_uuid: _service,
    group: _group,
    created_at: _created,
    updated_at: _updated,
    deleted_at: _deletedAt,
    deleted: _deleted,
    ...columns
  } = volumeCodec.decode(recorded);
  const volume = { ...columns, ...changes } as NewVolume;
  await db.volumes.create(volume);
  return volume.id;
}

function requestIn(message: Message) {
  const { method, version, args } = message;
  return {
    method: String(method),
    version: String(version),
    args: args as Message,
    context: contextFromMessage(message),
  };
}
