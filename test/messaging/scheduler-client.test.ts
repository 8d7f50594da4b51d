import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RpcTarget } from '../../src/interface/rpc.ts';
import { destinationOf } from '../../src/messaging/addressing.ts';
import type { CastTerms, OwnRequest } from '../../src/messaging/client.ts';
import { type Message, requestMessage } from '../../src/messaging/envelope.ts';
import type { Published } from '../../src/messaging/publisher.ts';
import { schedulerClient } from '../../src/messaging/scheduler-client.ts';
import { adminContext, contextFromMessage } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { requestSpecFromPrimitive } from '../../src/objects/request-spec.ts';
import { type Volume, volumeCodec } from '../../src/objects/volume.ts';
import { capturedMessages } from '../support/wire.ts';

/** A client that keeps what is cast. */
function recordingClient(published: Published = { outcome: 'accepted' }) {
  const sent: { target: RpcTarget; request: OwnRequest; terms: CastTerms | undefined; message: Message }[] = [];
  return {
    sent,
    async cast(target: RpcTarget, request: OwnRequest, terms?: CastTerms): Promise<Published> {
      sent.push({ target, request, terms, message: requestMessage(request) });
      return published;
    },
  };
}

/** A message with what differs by nature made equal. */
function masked(message: Message): Message {
  const args = { ...(message['args'] as object), timestamp: '', request_spec: undefined };
  return { ...message, args, _unique_id: '', _context_request_id: '', _context_timestamp: '' };
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

test('a report is what upstream sends: a fan-out to all schedulers, and a cast to one [scheduler-stats 2, rpc 5.1]', async () => {
  for (const file of ['01-volume-start', '02-scheduler-restart', '33-fake-driver-start']) {
    const captured = capturedMessages(file).filter(
      ({ message }) =>
        /capabilities$/.test(String(message['method'])) && message['version'] !== '3.0' && message['version'] !== '2.2',
    );
    const [toAll, toOne] = captured;
    const args = toAll?.message['args'] as {
      host: string;
      capabilities: Parameters<ReturnType<typeof schedulerClient>['reportCapabilities']>[2];
    };
    const client = recordingClient();

    const [node = '', backend = ''] = args.host.split('@');
    await schedulerClient(client).reportCapabilities(adminContext(), serviceHost(node, backend), args.capabilities);

    for (const [at, capture] of [toAll, toOne].entries()) {
      const ours = client.sent[at];
      assert.deepEqual(masked(ours?.message ?? {}), masked(capture?.message ?? {}), `${file} ${capture?.seq}`);
      assert.deepEqual(destinationOf(ours?.target ?? { topic: '' }, 'openstack'), {
        exchange: capture?.exchange,
        key: capture?.routing_keys[0],
      });
    }
  }
});

test('the time of a report is naive, with six digits, and later in each message [scheduler-stats 2, rpc 5.1]', async () => {
  const client = recordingClient();
  const stats = { volume_backend_name: 'x', vendor_name: 'y', driver_version: '1', storage_protocol: 'file' };
  const scheduler = schedulerClient(client, 'ha@lvm');
  for (let round = 0; round < 3; round++)
    await scheduler.reportCapabilities(adminContext(), serviceHost('h', 'lvm'), stats);

  const times = client.sent.map(({ request }) => String(request.args['timestamp']));
  assert.ok(times.every((each) => time.test(each)));
  assert.deepEqual([...times].sort(), times);
  assert.equal(new Set(times).size, times.length);
  const [toAll, toOne] = client.sent;
  assert.deepEqual(
    [toAll?.request.args['host'], toAll?.request.args['cluster_name'], toOne?.request.args['backend']],
    ['h@lvm', 'ha@lvm', 'ha@lvm'],
  );
  assert.deepEqual(toAll?.terms, { again: false });
});

test('that no scheduler listens is no failure, that the broker could not be asked is one [M-64]', async () => {
  const stats = { volume_backend_name: 'x', vendor_name: 'y', driver_version: '1', storage_protocol: 'file' };
  const report = (published: Published) =>
    schedulerClient(recordingClient(published)).reportCapabilities(adminContext(), serviceHost('h', 'lvm'), stats);

  await report({ outcome: 'released' });
  await assert.rejects(report({ outcome: 'unsent', reason: 'no connection to the broker' }), /no connection/);
  await assert.rejects(report({ outcome: 'unknown', reason: 'lost' }), /lost/);
});

test('a create that is handed back says what it was asked for, word for word [manager 4.3, rpc 6.1, R-20]', async () => {
  const [, capture] = capturedMessages('03-create_volume');
  const args = capture?.message['args'] as { volume: unknown; request_spec: unknown; filter_properties: unknown };
  const volume = volumeCodec.decode(args.volume) as Volume;
  const request_spec = requestSpecFromPrimitive(args.request_spec).primitive;
  const context = contextFromMessage(capture?.message ?? {});
  const client = recordingClient();

  const request = { volume, request_spec, filter_properties: args.filter_properties };
  await schedulerClient(client).createVolume(context, request, new AbortController().signal);

  const [sent] = client.sent;
  const [theirs] = capturedMessages('03-create_volume');
  assert.deepEqual(
    Object.keys(sent?.request.args ?? {}).sort(),
    Object.keys((theirs?.message['args'] as object) ?? {}).sort(),
  );
  assert.deepEqual(
    [sent?.request.args['request_spec'], sent?.request.args['filter_properties']],
    [args.request_spec, args.filter_properties],
  );
  assert.deepEqual(volumeCodec.decode(sent?.request.args['volume']), volume);
  assert.equal(sent?.message['_context_request_id'], capture?.message['_context_request_id']);
  assert.equal(sent?.terms?.within, 60);
  const failing = schedulerClient(recordingClient({ outcome: 'unknown', reason: 'no outcome' }));
  await assert.rejects(failing.createVolume(context, request, new AbortController().signal), /no outcome/);
});
