import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from '../../src/broker/management.ts';
import { Router } from '../../src/broker/router.ts';

function aRouter(): Router {
  return new Router({ deliveries: 10, bytes: 1000 });
}

const queueFields = { durable: false, auto_delete: false, exclusive: false, arguments: { 'x-expires': 60_000 } };
const exchangeFields = { durable: false, auto_delete: false, type: 'topic', internal: false, arguments: {} };

test('declaring answers as RabbitMQ 4 does: new, there already, there otherwise [M-62]', () => {
  const router = aRouter();
  const put = (path: string, fields: object) => answer(router, 'PUT', path, fields).status;

  assert.deepEqual(
    [
      put('/exchanges/openstack', exchangeFields),
      put('/exchanges/openstack', exchangeFields),
      put('/exchanges/openstack', { ...exchangeFields, durable: true }),
      put('/exchanges/openstack', { ...exchangeFields, type: 'fanout' }),
      put('/queues/q', queueFields),
      put('/queues/q', queueFields),
      put('/queues/q', { ...queueFields, arguments: {} }),
      put('/queues/q', { ...queueFields, durable: 1 }),
    ],
    [204, 204, 409, 409, 201, 200, 409, 409],
  );
  assert.match(
    String(answer(router, 'PUT', '/queues/q', { ...queueFields, durable: true }).body),
    /inequivalent arg 'durable'/,
  );
  router.close();
});

test('binding needs both ends, and may be repeated [M-62]', () => {
  const router = aRouter();
  const bind = (source: unknown, queue: string) =>
    answer(router, 'POST', '/bindings', { source, binding_key: 'k', destination_queue: queue, arguments: {} }).status;
  answer(router, 'PUT', '/exchanges/x', exchangeFields);
  answer(router, 'PUT', '/queues/q', queueFields);

  assert.deepEqual(
    [bind('x', 'q'), bind('x', 'q'), bind('x', 'no'), bind('no', 'q'), bind(5, 'q')],
    [204, 204, 400, 400, 400],
  );
  router.close();
});

test('a queue tells its depth and consumers, and is deleted by a name with percent signs [M-62]', () => {
  const router = aRouter();
  answer(router, 'PUT', '/queues/a%2Fb%40c', queueFields);

  assert.deepEqual(answer(router, 'GET', '/queues/a%2Fb%40c', null).body, {
    name: 'a/b@c',
    durable: false,
    auto_delete: false,
    exclusive: false,
    arguments: { 'x-expires': 60_000 },
    message_count: 0,
    consumer_count: 0,
  });
  assert.deepEqual(answer(router, 'DELETE', '/queues/a%2Fb%40c', null), { status: 200, body: { message_count: 0 } });
  assert.equal(answer(router, 'GET', '/queues/a%2Fb%40c', null).status, 404);
  assert.equal(answer(router, 'DELETE', '/queues/a%2Fb%40c', null).status, 200);
  router.close();
});

test('what is not served is refused with a reason', () => {
  const router = aRouter();
  const refused = [
    answer(router, 'PUT', '/exchanges/x', { ...exchangeFields, type: 'headers' }),
    answer(router, 'PUT', '/queues/q', { ...queueFields, exclusive: true }),
    answer(router, 'PUT', '/queues/%zz', queueFields),
    answer(router, 'PUT', '/queues/', queueFields),
    answer(router, 'GET', '/bindings', null),
    answer(router, 'PATCH', '/queues/q', null),
    answer(router, undefined, undefined, undefined),
  ];

  assert.deepEqual(
    refused.map(({ status }) => status),
    [400, 400, 400, 400, 404, 404, 404],
  );
  assert.ok(refused.every(({ body }) => typeof body === 'string' && body.length > 5));
});

test('a queue that nobody uses goes after its time, and its bindings with it [M-63]', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const router = aRouter();
  answer(router, 'PUT', '/exchanges/all_fanout', { ...exchangeFields, type: 'fanout', auto_delete: true });
  answer(router, 'PUT', '/queues/q', queueFields);
  answer(router, 'POST', '/bindings', { source: 'all_fanout', binding_key: '', destination_queue: 'q' });

  t.mock.timers.tick(59_000);
  assert.equal(answer(router, 'PUT', '/queues/q', queueFields).status, 200, 'a declaration is use');
  t.mock.timers.tick(59_000);
  assert.notEqual(router.queue('q'), undefined);

  t.mock.timers.tick(1000);
  assert.equal(router.queue('q'), undefined);
  assert.equal(router.hasExchange('all_fanout'), false);
});
