import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exchange } from '../../src/broker/exchange.ts';
import { Queue } from '../../src/broker/queue.ts';

const topic = { kind: 'topic', durable: false, auto_delete: false } as const;

function aQueue(name: string): Queue {
  const settings = { durable: false, auto_delete: false, arguments: {} };
  return new Queue(name, settings, { deliveries: 10, bytes: 1000 }, () => {});
}

function matches(pattern: string, key: string): boolean {
  const exchange = new Exchange(topic);
  exchange.bind(pattern, aQueue('q'));
  return exchange.queuesFor(key).size === 1;
}

test('a topic exchange compares keys word by word [M-62]', () => {
  assert.ok(matches('cinder-volume.h@lvm.h', 'cinder-volume.h@lvm.h'));
  assert.ok(!matches('cinder-volume.h@lvm', 'cinder-volume.h@lvm.h'));
  assert.ok(matches('a.*.c', 'a.b.c'));
  assert.ok(!matches('a.*.c', 'a.c'));
  assert.ok(!matches('a.*', 'a.b.c'));
  assert.ok(matches('a.#', 'a'));
  assert.ok(matches('a.#', 'a.b.c'));
  assert.ok(matches('#', ''));
  assert.ok(matches('#.c', 'a.b.c'));
  assert.ok(!matches('#.c', 'a.b'));
});

test('signs with a meaning in regular expressions mean themselves in a key [M-62]', () => {
  assert.ok(matches('a+(b).*', 'a+(b).x'));
  assert.ok(!matches('a.b*', 'a.bbb'));
  assert.ok(!matches('h@lv.', 'h@lvm'));
});

test('a queue with several matching bindings is given a message once [M-62]', () => {
  const exchange = new Exchange(topic);
  const queue = aQueue('q');
  for (const key of ['a.b', 'a.*', '#']) exchange.bind(key, queue);

  assert.deepEqual([...exchange.queuesFor('a.b')], [queue]);
});

test('a fan-out exchange takes every queue, whatever the key [M-62]', () => {
  const exchange = new Exchange({ kind: 'fanout', durable: false, auto_delete: true });
  const queues = [aQueue('one'), aQueue('two')];
  for (const queue of queues) exchange.bind('cinder-volume', queue);

  assert.deepEqual([...exchange.queuesFor('')], queues);
});

test('an auto-delete exchange goes with its last binding, and not before there was one [M-62]', () => {
  const exchange = new Exchange({ kind: 'fanout', durable: false, auto_delete: true });
  const [one, two] = [aQueue('one'), aQueue('two')];

  assert.equal(exchange.unbind(one), false);
  exchange.bind('', one);
  exchange.bind('', two);
  assert.deepEqual([exchange.unbind(one), exchange.unbind(two)], [false, true]);
});
