import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventContext } from 'rhea';
import { eventually } from '../support/eventually.ts';
import { aBroker } from '../support/messaging.ts';
import { rawClient } from '../support/raw-client.ts';
import { rheaClient, rheaReceiver, rheaSender } from '../support/rhea-client.ts';

/** A broker with queues of these names, and a way to more connections; all of it is gone afterwards. */
async function withQueues(
  names: readonly string[],
  body: (env: {
    broker: Awaited<ReturnType<typeof aBroker>>;
    connect: () => ReturnType<typeof rheaClient>;
    depth: (queue: string) => Promise<number | undefined>;
    admin: Awaited<ReturnType<typeof rawClient>>['admin'];
  }) => Promise<void>,
  limits: Parameters<typeof aBroker>[0] = {},
): Promise<void> {
  const broker = await aBroker(limits);
  const { admin, connection } = await rawClient(broker);
  for (const name of names) await admin.declareQueue({ name, durable: false, autoDelete: false, arguments: {} });
  const connections: Awaited<ReturnType<typeof rheaClient>>[] = [];
  const connect = async () => {
    const made = await rheaClient(broker);
    connections.push(made);
    return made;
  };
  try {
    await body({ broker, connect, depth: async (queue) => (await admin.inspect(queue))?.messages, admin });
  } finally {
    for (const made of connections) made.close();
    await connection.close();
    await broker.close();
  }
}

test('a sender learns the outcome that its receiver gave, and not before [M-63]', () =>
  withQueues(['q'], async ({ connect }) => {
    const { got } = await rheaReceiver(await connect(), 'q', 10);
    const { outcomes, send } = await rheaSender(await connect());

    for (const text of ['a', 'b', 'c']) send('/queues/q', text);
    await eventually('three arrived', () => got.length === 3);
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.deepEqual(outcomes, []);

    got[0]?.delivery.accept();
    await eventually('the first outcome', () => outcomes.length === 1);
    got[1]?.delivery.reject({ condition: 'lab:broken', description: 'no' });
    await eventually('the second outcome', () => outcomes.length === 2);
    got[2]?.delivery.modified({ undeliverable_here: true });
    await eventually('the third outcome', () => outcomes.length === 3);
    assert.deepEqual(outcomes, ['accepted', 'rejected lab:broken', 'modified']);
  }));

test('unlike outcomes of one moment reach their sender each as it was [M-63, messaging 7 no. 4]', () =>
  withQueues(['q'], async ({ connect }) => {
    const taker = await connect();
    const { got } = await rheaReceiver(taker, 'q', 10);
    const other = await rheaReceiver(await connect(), 'q', 0);
    const { outcomes, send } = await rheaSender(await connect());

    // The queue is full for the second one: it is rejected in the turn in which the first one is accepted.
    send('/queues/q', 'first');
    await eventually('the first arrived', () => got.length === 1);
    got[0]?.delivery.accept();
    send('/queues/missing', 'second');
    await eventually('both outcomes', () => outcomes.length === 2);

    assert.deepEqual(outcomes.sort(), ['accepted', 'released']);
    assert.equal(other.got.length, 0);
  }));

test('what a consumer releases or dies with goes to the next one, in order, marked as delivered before [M-63]', () =>
  withQueues(['q'], async ({ connect }) => {
    const mortal = await connect();
    const first = await rheaReceiver(mortal, 'q', 3);
    const { outcomes, send } = await rheaSender(await connect());
    for (const text of ['a', 'b', 'c', 'd']) send('/queues/q', text);
    await eventually('three arrived', () => first.got.length === 3);
    assert.equal(first.got[0]?.message?.first_acquirer, true);
    assert.equal(first.got[0]?.message?.delivery_count, 0);

    first.got[1]?.delivery.release();
    mortal['socket'].destroy();
    const second = await rheaReceiver(await connect(), 'q', 10);
    await eventually('all four arrived', () => second.got.length === 4);

    assert.deepEqual(
      second.got.map(({ text }) => text),
      ['a', 'b', 'c', 'd'],
    );
    assert.deepEqual(
      second.got.map(({ message }) => message?.first_acquirer),
      [false, false, false, true],
    );
    assert.equal(second.got[0]?.message?.delivery_count, 1);
    for (const { delivery } of second.got) delivery.accept();
    await eventually('four outcomes', () => outcomes.length === 4);
    assert.deepEqual(new Set(outcomes), new Set(['accepted']));
  }));

test('a redelivery keeps every byte but the header [M-63]', () =>
  withQueues(['q'], async ({ connect }) => {
    const { got } = await rheaReceiver(await connect(), 'q', 2);
    const { send } = await rheaSender(await connect());
    const properties = { content_type: 'application/json', content_encoding: 'utf-8', message_id: 'id-1' };
    const more = { ...properties, durable: true, priority: 7, ttl: 30_000, application_properties: { a: 'b', n: 5 } };

    send('/queues/q', '{"x": 1}', more);
    await eventually('it arrived', () => got.length === 1);
    got[0]?.delivery.release();
    await eventually('it arrived again', () => got.length === 2);

    const [before, after] = got.map(({ message }) => JSON.parse(JSON.stringify(message)));
    assert.deepEqual({ ...after, first_acquirer: true }, before);
    got[1]?.delivery.accept();
  }));

test('without a consumer a delivery waits as long as its sender is there [M-63]', () =>
  withQueues(['q'], async ({ connect, depth }) => {
    const leaving = await connect();
    const { outcomes, send } = await rheaSender(leaving);
    const staying = await rheaSender(await connect());
    send('/queues/q', 'in doubt');
    staying.send('/queues/q', 'waits');
    await eventually('both wait', async () => (await depth('q')) === 2);
    assert.deepEqual(outcomes, []);

    leaving['socket'].destroy();
    await eventually('one is left', async () => (await depth('q')) === 1);
    const { got } = await rheaReceiver(await connect(), 'q', 10);

    await eventually('it arrived', () => got.length === 1);
    assert.equal(got[0]?.text, 'waits');
    got[0]?.delivery.accept();
    await eventually('its sender was told', () => staying.outcomes.length === 1);
  }));

test('a sender that left its link alone loses what waits as well [M-63]', () =>
  withQueues(['q'], async ({ connect, depth }) => {
    const { sender, send } = await rheaSender(await connect());
    send('/queues/q', 'x');
    await eventually('it waits', async () => (await depth('q')) === 1);

    sender.close();

    await eventually('nothing waits', async () => (await depth('q')) === 0);
  }));

test('a delivery whose time is over is released [M-63, M-21]', () =>
  withQueues(['q'], async ({ connect, depth }) => {
    const { outcomes, send } = await rheaSender(await connect());
    send('/queues/q', 'long', { ttl: 60_000 });
    send('/queues/q', 'short', { ttl: 20 });

    await eventually('the short one is released', () => outcomes.length === 1);
    assert.deepEqual([outcomes, await depth('q')], [['released'], 1]);
  }));

test('no more waits in a queue than its limits allow, by number and by bytes [M-63]', () =>
  withQueues(
    ['few', 'small'],
    async ({ connect }) => {
      const { outcomes, send } = await rheaSender(await connect());
      for (let n = 0; n < 4; n++) send('/queues/few', 'x');
      await eventually('one is rejected', () => outcomes.length === 1);
      send('/queues/small', 'y'.repeat(3000));
      send('/queues/small', 'y'.repeat(3000));
      await eventually('another is rejected', () => outcomes.length === 2);

      assert.deepEqual(outcomes, Array(2).fill('rejected amqp:resource-limit-exceeded'));
    },
    { limits: { deliveriesOfQueue: 3, bytesOfQueue: 5000 } },
  ));

test('an address that is none, an exchange that is not there, a message that says nothing of where it goes [M-62]', () =>
  withQueues(['q'], async ({ connect }) => {
    const { outcomes, send, sender } = await rheaSender(await connect());

    for (const to of ['q', '/queues', '/queues/a/b', '/queues/%zz', '/exchanges//k']) {
      send(to, 'x');
      await eventually(`an outcome of ${to}`, () => outcomes.length === 1);
      assert.equal(outcomes.pop(), 'rejected amqp:precondition-failed', to);
    }
    send('/exchanges/none/k', 'x');
    await eventually('an outcome', () => outcomes.length === 1);
    assert.equal(outcomes.pop(), 'rejected amqp:not-found');
    sender.send({ body: 'x' });
    await eventually('an outcome', () => outcomes.length === 1);
    assert.equal(outcomes.pop(), 'rejected amqp:precondition-failed');
  }));

test('a message for several queues is accepted when one of them took it and the others are done [M-63]', () =>
  withQueues(['one', 'two'], async ({ connect, admin }) => {
    await admin.declareExchange({ name: 'x', type: 'topic', durable: false, autoDelete: false });
    for (const queue of ['one', 'two']) await admin.bind({ exchange: 'x', key: 'k.*', queue });
    const one = await rheaReceiver(await connect(), 'one', 1);
    const two = await rheaReceiver(await connect(), 'two', 1);
    const { outcomes, send } = await rheaSender(await connect());

    send('/exchanges/x/k.1', 'both');
    await eventually('both have it', () => one.got.length + two.got.length === 2);
    one.got[0]?.delivery.accept();
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.deepEqual(outcomes, []);

    two.got[0]?.delivery.reject({ condition: 'lab:no', description: 'no' });
    await eventually('the outcome', () => outcomes.length === 1);
    assert.deepEqual(outcomes, ['accepted']);
  }));

test('a fan-out is accepted though nobody listens to the queue that is bound, and keeps nothing for it [M-63]', () =>
  withQueues(['idle'], async ({ connect, admin, depth }) => {
    await admin.declareExchange({ name: 'x_fanout', type: 'fanout', durable: false, autoDelete: true });
    await admin.bind({ exchange: 'x_fanout', key: '', queue: 'idle' });
    const { outcomes, send } = await rheaSender(await connect());

    send('/exchanges/x_fanout', 'x');
    await eventually('the outcome', () => outcomes.length === 1);

    assert.deepEqual([outcomes, await depth('idle')], [['accepted'], 0]);
  }));

test('a deleted queue tells its consumers, and releases what waits in it [M-63]', () =>
  withQueues(['q', 'busy'], async ({ connect, admin }) => {
    const { receiver, got } = await rheaReceiver(await connect(), 'busy', 1);
    const { outcomes, send } = await rheaSender(await connect());
    send('/queues/q', 'waits');
    send('/queues/busy', 'in hand');
    await eventually('one is in hand', () => got.length === 1);

    const ended = once(receiver, 'receiver_error');
    await Promise.all([admin.deleteQueue('q'), admin.deleteQueue('busy')]);

    await ended;
    assert.equal((receiver.error as { condition?: string }).condition, 'amqp:resource-deleted');
    await eventually('what waited is released', () => outcomes.length >= 1);
    assert.equal(outcomes[0], 'released');
  }));

test('consuming what is not there is refused, and the connection lives on [M-30]', () =>
  withQueues(['q'], async ({ broker }) => {
    const { connection } = await rawClient(broker);
    const on = { message: () => {}, ended: () => {} };

    for (const address of ['/queues/missing', '/exchanges/openstack/k', 'q', '/management/x']) {
      await assert.rejects(connection.openReceiver(address, on), { condition: 'amqp:not-found' }, address);
    }
    await assert.rejects(connection.openSender('/queues/missing', { room: () => {}, ended: () => {} }), {
      condition: 'amqp:not-found',
    });
    const receiver = await connection.openReceiver('/queues/q', on);
    assert.equal(receiver.credit, 0);
    await connection.close();
  }));

test('a consumer that drains gets what there is, and hands the rest of its credit back', () =>
  withQueues(['q'], async ({ connect }) => {
    const { receiver, got } = await rheaReceiver(await connect(), 'q', 0);
    const { send } = await rheaSender(await connect());
    send('/queues/q', 'one');
    const drained = once(receiver, 'receiver_drained');
    receiver.add_credit(10);
    receiver.drain_credit();
    await drained;
    assert.deepEqual(
      got.map(({ text }) => text),
      ['one'],
    );
    got[0]?.delivery.accept();

    receiver.drain = false;
    send('/queues/q', 'two');
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(got.length, 1, 'no credit is left');
    receiver.add_credit(1);
    await eventually('the next one', () => got.length === 2);
  }));

test('thousands go through in order, with the credit of a few', () =>
  withQueues(['q'], async ({ connect }) => {
    const { receiver, got } = await rheaReceiver(await connect(), 'q', 7);
    const { sender, outcomes, send } = await rheaSender(await connect());
    receiver.on('message', ({ delivery }: EventContext) => {
      delivery?.accept();
      receiver.add_credit(1);
    });
    for (let next = 0; next < 6000; ) {
      while (next < 6000 && sender.sendable()) send('/queues/q', String(next++));
      await turn();
    }
    await eventually('all outcomes', () => outcomes.length === 6000, 20_000);

    assert.ok(got.every(({ text }, at) => text === String(at)));
    assert.ok(outcomes.every((outcome) => outcome === 'accepted'));
  }));
