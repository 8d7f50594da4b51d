import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Published } from '../../src/messaging/publisher.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { eventually } from '../support/eventually.ts';
import { aFanoutQueue, aQueue, Listener } from '../support/listener.ts';

/** A broker, for one test. */
export interface TransportSetUp extends AsyncDisposable {
  /** Where the embedded broker differs on purpose: an outcome is the receiver's, and nothing is kept (M-63). */
  readonly routes: boolean;
  /** RabbitMQ 3.x tells nobody that a message found no queue, and its addresses know ASCII only (messaging.md §4). */
  readonly isSilent: boolean;
  /** One more connection to the broker. */
  connect(): Promise<Transport>;
  /** Deletes a queue behind everybody's back. */
  deleteQueue(name: string): Promise<void>;
}

const terms = { within: 5000, again: true };

/** What a transport promises on every broker (M-65). Titles bear the name of the broker. */
export function transportConformance(broker: string, setUp: () => Promise<TransportSetUp>): void {
  const check = (title: string, body: (setUp: TransportSetUp, transport: Transport) => Promise<void>): void => {
    test(`${broker}: ${title}`, async () => {
      const env = await setUp();
      const transport = await env.connect();
      try {
        await body(env, transport);
      } finally {
        await transport.close(0);
        await env[Symbol.asyncDispose]();
      }
    });
  };
  const send = (transport: Transport, queue: string, text: string, ttl?: number): Promise<Published> => {
    const publication = { to: { exchange: 'openstack', key: queue }, body: Buffer.from(text) };
    return transport.publish(ttl === undefined ? publication : { ...publication, ttl }, terms);
  };

  check('a message reaches the queue of its key, byte for byte [M-20, M-62, M-65]', async (_env, transport) => {
    const queue = named('plain');
    const listener = await Listener.on(transport, aQueue(queue), queue, 10, (message) => message.accept());
    const body = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));

    const published = await transport.publish({ to: { exchange: 'openstack', key: queue }, body }, terms);

    const [message] = await listener.have(1);
    assert.deepEqual(message?.body, body);
    assert.equal(message?.redelivered, false);
    assert.deepEqual(published, { outcome: 'accepted' });
  });

  check('names with signs of their own in them are addressed as they are [M-62]', async (env, transport) => {
    const queue = named(`cinder-volume.${env.isSilent ? 'host' : 'höst'}@lvm#1%3F/a b+c,d`);
    const listener = await Listener.on(transport, aQueue(queue), queue, 10, (message) => message.accept());

    await send(transport, queue, 'by exchange');
    await transport.publish({ to: { exchange: '', key: queue }, body: Buffer.from('by name') }, terms);

    await listener.have(2);
    assert.deepEqual(listener.texts.sort(), ['by exchange', 'by name']);
  });

  check('a message of many frames arrives whole and in order [M-65]', async (_env, transport) => {
    const queue = named('large');
    const listener = await Listener.on(transport, aQueue(queue), queue, 10, (message) => message.accept());
    const bodies = [3_000_000, 10, 131_072].map((length, at) => Buffer.alloc(length, at + 1));

    await Promise.all(bodies.map((body) => transport.publish({ to: { exchange: '', key: queue }, body }, terms)));

    const messages = await listener.have(3);
    assert.ok(messages.every(({ body }, at) => body.equals(bodies[at] ?? Buffer.alloc(0))));
  });

  check('what nobody is bound for is released, and that is no failure [M-51, M-54, M-64]', async (env, transport) => {
    await Listener.on(transport, aQueue(named('other')), named('other'));
    const body = Buffer.from('x');
    const [byKey, byName] = ['openstack', ''].map((exchange) => ({ to: { exchange, key: named('nobody') }, body }));
    assert.ok(byKey !== undefined && byName !== undefined);

    const asked = { ...terms, toSomebody: true };
    assert.deepEqual(await transport.publish(byKey, asked), { outcome: 'released' });
    assert.deepEqual(await transport.publish(byName, asked), { outcome: 'released' });
    assert.deepEqual(await transport.publish(byKey, terms), { outcome: env.isSilent ? 'accepted' : 'released' });
  });

  check('a missing exchange is declared, and the message sent once more [M-14, M-51]', async (env, transport) => {
    const publication = { to: { exchange: `${named('topic')}_fanout`, key: '' }, body: Buffer.from('x') };

    assert.deepEqual(await transport.publish(publication, terms), { outcome: env.isSilent ? 'accepted' : 'released' });
  });

  check('no more arrives than was granted [M-55, M-56]', async (_env, transport) => {
    const queue = named('credit');
    const listener = await Listener.on(transport, aQueue(queue), queue, 3, (message) => message.accept());
    const sent = Array.from({ length: 8 }, (_, at) => send(transport, queue, String(at)));

    await listener.have(3);
    assert.deepEqual(listener.texts, ['0', '1', '2']);

    listener.grant(5);
    await Promise.all(sent);
    assert.deepEqual((await listener.have(8)).length, 8);
  });

  check(
    'the end of a session gives back what is unsettled, in order and marked [M-57, R-14]',
    async (env, transport) => {
      const queue = named('back');
      const first = await Listener.on(transport, aQueue(queue), queue);
      const sender = await env.connect();
      const sent = Array.from({ length: 5 }, (_, at) => send(sender, queue, String(at)));
      await first.have(5);

      first.consumers.pause();
      const other = await env.connect();
      const second = await Listener.on(other, aQueue(queue), queue, 10, (message) => message.accept());

      await second.have(5);
      assert.deepEqual(second.texts, ['0', '1', '2', '3', '4']);
      assert.ok(second.messages.every(({ redelivered }) => redelivered));
      assert.ok((await Promise.all(sent)).every(({ outcome }) => outcome === 'accepted'));
      await Promise.all([sender.close(0), other.close(0)]);
    },
  );

  check('what is accepted in the turn in which the session ends does not come again [R-14]', async (env, transport) => {
    const queue = named('turn');
    const first = await Listener.on(transport, aQueue(queue), queue);
    const sender = await env.connect();
    const sent = Array.from({ length: 6 }, (_, at) => send(sender, queue, String(at)));
    const messages = await first.have(6);

    for (const message of messages.slice(0, 3)) message.accept();
    first.consumers.pause();
    const other = await env.connect();
    const second = await Listener.on(other, aQueue(queue), queue, 10, (message) => message.accept());

    await second.have(3);
    assert.deepEqual(second.texts, ['3', '4', '5']);
    assert.ok((await Promise.all(sent)).every(({ outcome }) => outcome === 'accepted'));
    await Promise.all([sender.close(0), other.close(0)]);
  });

  check('what is accepted after its session ended counts no more [M-57]', async (env, transport) => {
    const queue = named('late');
    const first = await Listener.on(transport, aQueue(queue), queue);
    const sender = await env.connect();
    const sent = send(sender, queue, 'x');
    const [message] = await first.have(1);

    first.consumers.pause();
    message?.accept();
    await first.consumers.resume();

    await first.have(2);
    first.messages.at(-1)?.accept();
    assert.deepEqual(await sent, { outcome: 'accepted' });
    await sender.close(0);
  });

  check('consumers of one queue share its messages [M-63]', async (env, transport) => {
    const queue = named('shared');
    const other = await env.connect();
    const one = await Listener.on(transport, aQueue(queue), queue, 20, (message) => message.accept());
    const two = await Listener.on(other, aQueue(queue), queue, 20, (message) => message.accept());

    await Promise.all(Array.from({ length: 20 }, (_, at) => send(transport, queue, String(at))));

    await eventually('20 messages', () => one.messages.length + two.messages.length === 20);
    assert.ok(one.messages.length > 0 && two.messages.length > 0);
    assert.equal(new Set([...one.texts, ...two.texts]).size, 20);
    await other.close(0);
  });

  check('a fan-out reaches everybody who is there [M-63]', async (env, transport) => {
    const exchange = named('all_fanout');
    const other = await env.connect();
    const one = await Listener.on(transport, aFanoutQueue(exchange, named('one')), named('one'), 5, (m) => m.accept());
    const two = await Listener.on(other, aFanoutQueue(exchange, named('two')), named('two'), 5, (m) => m.accept());

    const published = await transport.publish({ to: { exchange, key: '' }, body: Buffer.from('hear') }, terms);

    await Promise.all([one.have(1), two.have(1)]);
    assert.deepEqual([one.texts, two.texts, published], [['hear'], ['hear'], { outcome: 'accepted' }]);
    await other.close(0);
  });

  check('a message whose time is over is not delivered later [M-21]', async (env, transport) => {
    const queue = named('ttl');
    const idle = await Listener.on(transport, aQueue(queue), queue, 0);

    const expired = await send(transport, queue, 'old', 30);
    // The one place where brokers differ: a router says that nobody took it, a store has accepted it long before.
    assert.deepEqual(expired, { outcome: env.routes ? 'released' : 'accepted' });
    await eventually('the message expired', async () => (await transport.depth(queue)) === 0);
    const fresh = send(transport, queue, 'new');
    idle.grant(5);

    const [message] = await idle.have(1);
    message?.accept();
    await fresh;
    assert.deepEqual(idle.texts, ['new']);
  });

  check('a queue that was deleted is declared and consumed again [M-44, O-10]', async (env, transport) => {
    const queue = named('gone');
    const listener = await Listener.on(transport, aQueue(queue), queue, 5, (message) => message.accept());

    await env.deleteQueue(queue);
    await eventually('the queue is consumed again', () => listener.opened === 2);
    await send(transport, queue, 'after');

    await listener.have(1);
    assert.deepEqual([listener.losses, listener.texts], [[queue], ['after']]);
    assert.equal(transport.connected, true);
  });

  check('the depth of a queue is what waits in it; a missing queue has none [manager 2.6]', async (_env, transport) => {
    const queue = named('depth');
    const listener = await Listener.on(transport, aQueue(queue), queue, 0, (message) => message.accept());
    const sent = [send(transport, queue, 'a'), send(transport, queue, 'b')];

    await eventually('two messages wait', async () => (await transport.depth(queue)) === 2);
    assert.equal(await transport.depth(named('missing')), undefined);

    listener.grant(2);
    await Promise.all(sent);
    await eventually('none waits', async () => (await transport.depth(queue)) === 0);
  });
}

/** Names of their own for each run: a real broker keeps what earlier runs left. */
const run = randomUUID().slice(0, 8);

function named(name: string): string {
  return `conformance-${run}-${name}`;
}
