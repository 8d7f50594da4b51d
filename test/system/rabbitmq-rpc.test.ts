import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silent } from '../../src/base/log.ts';
import type { RpcClient } from '../../src/messaging/client.ts';
import { notifier } from '../../src/messaging/notifier.ts';
import type { RpcServer } from '../../src/messaging/server.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { adminContext } from '../../src/objects/context.ts';
import { InvalidVolume, VolumeNotFound } from '../../src/objects/exceptions.ts';
import { FakeEndpoint, gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aClient, aServer, rabbitPresets, testQueue, testTarget } from '../support/messaging.ts';
import { OsloPeer, PeerError } from '../support/oslo-peer.ts';
import { connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

const topic = 'cinder-volume.stor1@lvm';
const server = 'stor1';

interface Parts {
  readonly peer: OsloPeer;
  readonly transport: Transport;
  readonly server: RpcServer;
  readonly client: RpcClient;
  readonly endpoint: FakeEndpoint;
}

onEachRabbitMQ('RPC with oslo.messaging', {}, (broker, release) => {
  /** A service of ours and a peer, on the same broker. */
  async function among(body: (parts: Parts) => Promise<void>): Promise<void> {
    const hold = gate();
    const endpoint = new FakeEndpoint({
      echo: { run: (args) => args },
      nothing: {},
      missing: {
        run: () => {
          throw new VolumeNotFound({ volume_id: 'v1' });
        },
      },
      invalid: {
        run: () => {
          throw new InvalidVolume({ reason: 'it is über-used' });
        },
      },
      broken: {
        run: () => {
          throw new TypeError('x is not a function');
        },
      },
      slow: { run: (args) => sleep(Number(args['seconds']) * 1000, 'slept') },
      work: { class: 'work', run: () => hold.passed },
      publish_service_capabilities: { class: 'signal' },
    });
    const transport = await connectTo(broker().url());
    const peer = await OsloPeer.start(release, broker().url());
    const own = await aServer(transport, endpoint.table);
    const client = aClient(transport, 20);
    try {
      await body({ peer, transport, server: own, client, endpoint });
    } finally {
      hold.open();
      await own.close();
      await client.close();
      await transport.close();
      await peer[Symbol.asyncDispose]();
    }
  }

  test('calls, casts and fan-outs of oslo.messaging are served, and failures rebuilt there [R-01, M-03, M-22, M-23]', () =>
    among(async ({ peer, endpoint, server: own }) => {
      const call = (method: string, args = {}, more = {}) => peer.call({ topic, server, method, args, ...more });

      assert.deepEqual(await call('echo', { a: [1, 'ü', null], b: { c: 1.5 } }), { a: [1, 'ü', null], b: { c: 1.5 } });
      assert.equal(await call('nothing'), null);
      assert.deepEqual(await peer.call({ topic: 'cinder-volume', method: 'echo', args: { by: 'topic' } }), {
        by: 'topic',
      });
      const large = 'x'.repeat(300_000);
      assert.deepEqual(await call('echo', { large }), { large });

      const missing = await call('missing').catch((error: unknown) => error);
      assert.ok(missing instanceof PeerError);
      assert.deepEqual([missing.module, missing.class], ['cinder.exception_Remote', 'VolumeNotFound_Remote']);
      assert.match(missing.message, /Volume v1 could not be found/);
      await assert.rejects(call('invalid'), /InvalidVolume_Remote|über-used/);
      await assert.rejects(call('broken'), /x is not a function/);
      await assert.rejects(call('no_such_method'), /no_such_method/);
      await assert.rejects(call('echo', {}, { version: '3.999' }), /3.999/);
      await assert.rejects(call('echo', { bogus: 1 }), /unexpected keyword argument 'bogus'/);
      assert.equal(await call('slow', { seconds: 4 }, { monitor: 2, timeout: 20 }), 'slept');
      await assert.rejects(call('slow', { seconds: 3 }, { timeout: 1 }), /MessagingTimeout|Timed out/);

      await peer.cast({ topic, server, method: 'nothing', args: { id: 'cast' }, repeat: 20 });
      await peer.cast({ topic: 'cinder-volume', fanout: true, method: 'publish_service_capabilities' });
      await eventually('all casts ran', () => endpoint.ran('nothing', 'cast') === 20);
      await eventually('the fan-out came', () => endpoint.ran('publish_service_capabilities') === 1);
      await eventually('nothing runs', () => own.running().length === 0);
      assert.deepEqual(
        peer.logs.filter((line) => line.startsWith('ERROR')),
        [],
      );
    }));

  test('we call servers of oslo.messaging, cast to them, and rebuild their failures [M-20, M-22, M-23, M-58]', () =>
    among(async ({ peer, client }) => {
      await peer.serve('cinder-scheduler', 'sched1');
      const context = adminContext();
      const request = (method: string, args = {}) => ({ method, version: '3.0', args, context });
      const target = { topic: 'cinder-scheduler' };
      const call = (method: string, args = {}, terms = {}) =>
        client.call(target, request(method, args), terms, AbortSignal.timeout(30_000));

      assert.deepEqual(await call('echo', { a: 'ü', n: null }), { a: 'ü', n: null });
      assert.equal(await call('nothing'), null);
      assert.deepEqual(
        await client.call({ ...target, server: 'sched1' }, request('echo'), {}, AbortSignal.timeout(20_000)),
        {},
      );
      await assert.rejects(call('fail', { name: 'VolumeNotFound', volume_id: 'v7' }), /VolumeNotFound was asked for/);
      await assert.rejects(call('fail', { name: 'ValueError' }), /ValueError was asked for/);
      await assert.rejects(call('slow', { seconds: 3 }, { timeout: 1 }), /Timed out/);
      assert.equal(await call('slow', { seconds: 4 }, { timeout: 20, monitor: 2 }), 'slept');
      const nobody = client.call(
        { topic: 'cinder-nobody' },
        request('echo'),
        { mandatory: true },
        AbortSignal.timeout(20_000),
      );
      await assert.rejects(nobody, { name: 'MessageUndeliverable' });

      assert.deepEqual(await client.cast(target, request('create_volume', { size: 1 })), { outcome: 'accepted' });
      assert.deepEqual(await client.cast({ ...target, fanout: true }, request('update_service_capabilities')), {
        outcome: 'accepted',
      });
      const got = await eventually('both came', async () => {
        const all = await peer.received();
        return all.length >= 5 && all;
      });
      const created = got.find(({ method }) => method === 'create_volume');
      assert.deepEqual([created?.args, created?.ctxt?.['request_id']], [{ size: 1 }, context.request_id]);
      assert.equal(got.filter(({ method }) => method === 'update_service_capabilities').length, 1);
    }));

  test('notifications reach a listener of oslo.messaging, also one that comes later [M-25, messaging 2.1]', () =>
    among(async ({ peer, transport }) => {
      const notify = notifier({
        values: { driver: ['messagingv2'], topics: ['notifications'], retry: -1 },
        routes: [],
        transport,
        controlExchange: 'openstack',
        topology: rabbitPresets,
        mask: (text) => text,
        logs: () => silent,
      });
      await eventually('the queue is there', async () => (await transport.depth('notifications.info')) !== undefined);
      await notify.info(adminContext(), 'volume.stor1@lvm', 'volume.create.end', { volume_id: 'v1' });

      await peer.listen('notifications');

      const look = async () => (await peer.received()).find(({ event }) => event !== undefined);
      const got = await eventually('it came', look, 60_000);
      assert.deepEqual([got.event, got.payload], ['volume.create.end', { volume_id: 'v1' }]);
    }));

  test('what is not recorded when a service goes is served by the next one, once [R-14, R-15, M-24]', () =>
    among(async ({ peer, server: own, transport }) => {
      await peer.cast({ topic, server, method: 'work', args: { id: 'first' } });
      await eventually('it runs', () => own.running().length === 1);
      await own.close();
      await peer.cast({ topic, server, method: 'work', args: { id: 'second' } });
      await eventually('it waits', async () => (await transport.depth(testQueue)) === 1);

      const endpoint = new FakeEndpoint({ work: { class: 'work' } });
      const next = await aServer(transport, endpoint.table);
      await eventually('it ran', () => endpoint.ran('work', 'second') === 1);

      assert.equal(endpoint.ran('work', 'first'), 0);
      assert.equal(await transport.depth(testQueue), 0);
      await next.close();
    }));

  test('a reply to a caller that is gone is given up, and told [M-51, M-54]', () =>
    among(async ({ peer, transport, client }) => {
      await assert.rejects(peer.call({ topic, server, method: 'slow', args: { seconds: 2 }, timeout: 1 }), /Timed out/);
      // The service goes on serving whoever is there.
      const request = { method: 'echo', version: '3.0', args: { a: 1 }, context: adminContext() };
      assert.deepEqual(await client.call(testTarget, request, {}, AbortSignal.timeout(20_000)), { a: 1 });
      const body = Buffer.from('{}');
      const gone = await transport.publish(
        { to: { exchange: '', key: 'reply_gone' }, body },
        { within: 5000, again: true, toSomebody: true },
      );
      assert.deepEqual(gone, { outcome: 'released' });
    }));
});
