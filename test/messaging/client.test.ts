import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../src/broker/broker.ts';
import type { RpcClient } from '../../src/messaging/client.ts';
import type { Message } from '../../src/messaging/envelope.ts';
import { decodeEnvelope, encodeEnvelope, hexId, requestMessage } from '../../src/messaging/envelope.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { adminContext } from '../../src/objects/context.ts';
import { VolumeNotFound } from '../../src/objects/exceptions.ts';
import { gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aQueue, Listener } from '../support/listener.ts';
import { aBroker, aClient, aTransport, testQueue, testTarget } from '../support/messaging.ts';
import { deleteQueue } from '../support/raw-client.ts';
import { rheaClient, rheaReceiver, rheaSender } from '../support/rhea-client.ts';
import { withService } from '../support/service.ts';

const request = { method: 'get_capabilities', version: '3.0', args: { discover: false }, context: adminContext() };
const { signal } = new AbortController();

/** A client, and a server by hand: the test answers. */
async function withHandServer(
  answer: (message: Message, reply: (body: Message) => Promise<unknown>) => void,
  body: (env: { client: RpcClient; server: Listener; transport: Transport; broker: Broker }) => Promise<void>,
): Promise<void> {
  const broker = await aBroker();
  const [transport, other] = [await aTransport(broker), await aTransport(broker)];
  const client = aClient(transport, 5);
  const server = await Listener.on(other, aQueue(testQueue), testQueue, 100, (incoming) => {
    incoming.accept();
    const message = decodeEnvelope(incoming.body);
    answer(message, (fields) => {
      const reply = {
        result: null,
        failure: null,
        ending: true,
        _msg_id: message['_msg_id'],
        _unique_id: hexId(),
        ...fields,
      };
      const to = { exchange: '', key: String(message['_reply_q']) };
      return other.publish({ to, body: encodeEnvelope(reply) }, { within: 5000, again: true });
    });
  });
  try {
    await body({ client, server, transport, broker });
  } finally {
    await client.close();
    await transport.close(0);
    await other.close(0);
    await broker.close();
  }
}

test('a cast tells what became of it: taken, nobody there, no outcome in time [M-64]', async () => {
  const recording = gate();
  await withService(
    { create_volume: { class: 'work', record: () => recording.passed } },
    async ({ client, server }) => {
      const cast = { ...request, method: 'create_volume' };
      assert.deepEqual(await client.cast({ ...testTarget, server: 'nobody' }, cast), { outcome: 'released' });
      assert.equal((await client.cast(testTarget, cast, { within: 0.1 })).outcome, 'unknown');

      const taken = client.cast(testTarget, cast);
      recording.open();
      assert.deepEqual(await taken, { outcome: 'accepted' });

      await server.drain();
      assert.equal(
        (await client.cast(testTarget, cast, { within: 0.1 })).outcome,
        'released',
        'nobody took it in its time',
      );
    },
  );
});

test('a failure of the other side arrives under its own name [rpc 2.2]', async () => {
  const run = (): never => {
    throw new VolumeNotFound({ volume_id: 'v' });
  };
  await withService({ get_capabilities: { run } }, async ({ client }) => {
    await assert.rejects(client.call(testTarget, request, {}, signal), {
      name: 'VolumeNotFound',
      module: 'cinder.exception',
      message: 'Volume v could not be found.',
      kwargs: { volume_id: 'v', code: 404 },
    });
  });
});

test('a result that came before the end of the call counts [M-58]', () =>
  withHandServer(
    (_message, reply) => {
      void reply({ result: { early: true }, ending: false }).then(() => reply({}));
    },
    async ({ client }) => {
      assert.deepEqual(await client.call(testTarget, request, {}, signal), { early: true });
    },
  ));

test('a call without an answer ends with MessagingTimeout, and what comes late is dropped [M-58, M-59]', () => {
  let late: (() => Promise<unknown>) | undefined;
  return withHandServer(
    (_message, reply) => {
      late = () => reply({ result: 1 });
    },
    async ({ client }) => {
      await assert.rejects(client.call(testTarget, request, { timeout: 0.1 }, signal), { name: 'MessagingTimeout' });
      const answer = await eventually('the request has arrived', () => late);
      assert.deepEqual(await answer(), { outcome: 'accepted' });
    },
  );
});

test('a monitored call lives by its signs of life, and ends when they stay away [M-23, M-58]', () => {
  let beats = 0;
  return withHandServer(
    (message, reply) => {
      if (message['_timeout'] !== 0.6) return;
      const timer = setInterval(() => (++beats < 4 ? void reply({ ending: false }) : clearInterval(timer)), 100);
    },
    async ({ client }) => {
      await assert.rejects(client.call(testTarget, request, { monitor: 0.6 }, signal), { name: 'MessagingTimeout' });
      assert.equal(beats, 4);
    },
  );
});

test('a call that nobody can take fails at once where that is asked for [M-51]', () =>
  withHandServer(
    () => {},
    async ({ client }) => {
      const nobody = { ...testTarget, server: 'nobody' };
      await assert.rejects(client.call(nobody, request, { mandatory: true }, signal), { name: 'MessageUndeliverable' });
      await assert.rejects(client.call(nobody, request, { timeout: 0.05 }, signal), { name: 'MessagingTimeout' });
    },
  ));

test('a call may be aborted [L-131]', () =>
  withHandServer(
    () => {},
    async ({ client }) => {
      const abort = new AbortController();
      const reason = new Error('enough');
      const call = client.call(testTarget, request, {}, abort.signal);
      abort.abort(reason);
      await assert.rejects(call, reason);
    },
  ));

test('nothing of the protocol travels in application properties, neither from us nor to us [M-27]', () =>
  withService({ create_volume: { class: 'work' } }, async ({ broker, client, clientTransport, endpoint }) => {
    const cast = { ...request, method: 'create_volume' };
    const peer = await rheaClient(broker);
    await Listener.on(clientTransport, aQueue('peer'), 'peer', 0);
    const { got } = await rheaReceiver(peer, 'peer', 1);
    const { send } = await rheaSender(peer);

    const left = client.cast({ topic: 'peer' }, cast);
    await eventually('the peer has it', () => got.length === 1);
    got[0]?.delivery.accept();
    const more = {
      content_type: 'application/json',
      application_properties: { method: 'delete_volume', version: '9.9' },
    };
    send(`/queues/${encodeURIComponent(testQueue)}`, encodeEnvelope(requestMessage(cast)).toString(), more);
    await eventually('the service does what the body says', () => endpoint.ran('create_volume') === 1);

    assert.deepEqual(await left, { outcome: 'accepted' });
    assert.equal(got[0]?.message?.application_properties, undefined);
    peer.close();
  }));

test('the reply queue keeps its name when it is lost, and answers come again [M-44, M-58]', () => {
  const names = new Set<unknown>();
  return withHandServer(
    (message, reply) => {
      names.add(message['_reply_q']);
      void reply({ result: 1 });
    },
    async ({ client, broker, transport }) => {
      assert.equal(await client.call(testTarget, request, {}, signal), 1);
      const [name] = names;
      await deleteQueue(broker, String(name));
      await eventually('it is back', async () => (await transport.depth(String(name))) === 0);

      assert.equal(await client.call(testTarget, request, {}, signal), 1);
      assert.equal(names.size, 1);
    },
  );
});

test('closing ends the calls that wait, and leaves no reply queue behind [M-15, O-25]', () => {
  let queue = '';
  return withHandServer(
    (message) => {
      queue = String(message['_reply_q']);
    },
    async ({ client, server, transport }) => {
      const call = client.call(testTarget, request, {}, signal);
      const ended = assert.rejects(call, { name: 'MessagingTimeout' });
      await server.have(1);

      await client.close();

      await ended;
      assert.equal(await transport.depth(queue), undefined);
    },
  );
});

test('what comes to the reply queue and is no answer is dropped [M-28]', () =>
  withHandServer(
    (message, reply) => {
      void reply({ _msg_id: 'unknown' }).then(() => reply({ result: message['_reply_q'] }));
    },
    async ({ client, transport }) => {
      const queue = String(await client.call(testTarget, request, {}, signal));
      const junk = { to: { exchange: '', key: queue }, body: Buffer.from('junk') };
      assert.deepEqual(await transport.publish(junk, { within: 1000, again: true }), { outcome: 'accepted' });
      assert.equal(typeof (await client.call(testTarget, request, {}, signal)), 'string');
    },
  ));
