import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeEnvelope, type Message } from '../../src/messaging/envelope.ts';
import { readRoutes } from '../../src/messaging/notification-routes.ts';
import { type NotifierOptions, notifier } from '../../src/messaging/notifier.ts';
import type { Transport } from '../../src/messaging/transport.ts';
import { contextFromMessage } from '../../src/objects/context.ts';
import { aFolder } from '../support/folder.ts';
import { aQueue, Listener } from '../support/listener.ts';
import { recordedLogs } from '../support/logs.ts';
import { aBroker, aTransport, rabbitPresets } from '../support/messaging.ts';
import { capturedMessages } from '../support/wire.ts';

const [, , start] = capturedMessages('40-notifications-create');
const captured = start?.message ?? {};
const context = contextFromMessage(captured);
const payload = captured['payload'] as Record<string, unknown>;

function optionsFor(transport: Transport, driver: string[], topics = ['notifications']): NotifierOptions {
  return {
    values: { driver, topics, retry: -1 },
    routes: [],
    transport,
    controlExchange: 'openstack',
    topology: rabbitPresets,
    mask: (text) => text,
    logs: recordedLogs().logs,
  };
}

function masked(message: Message): Message {
  return { ...message, message_id: '', timestamp: '', _unique_id: '', _context_timestamp: '' };
}

async function withListener(
  queue: string,
  body: (transport: Transport, listener: Listener) => Promise<void>,
): Promise<void> {
  const broker = await aBroker();
  const transport = await aTransport(broker);
  const listener = await Listener.on(transport, aQueue(queue), queue, 10, (message) => message.accept());
  try {
    await body(transport, listener);
  } finally {
    await transport.close(0);
    await broker.close();
  }
}

test('messagingv2 sends what upstream sends, to the key of topic and priority [L-094, M-25, manager 14]', () =>
  withListener('notifications.info', async (transport, listener) => {
    const { enabled, info } = notifier(optionsFor(transport, ['messagingv2']));
    await info(context, String(captured['publisher_id']), 'volume.create.start', payload);

    const [message] = await listener.have(1);
    const sent = decodeEnvelope(message?.body ?? Buffer.alloc(0));
    assert.deepEqual(masked(sent), masked(captured));
    assert.match(String(sent['timestamp']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    assert.match(String(sent['message_id']), /^[0-9a-f-]{36}$/);
    assert.equal(enabled, true);
  }));

test('messaging sends the same without the envelope [L-094]', () =>
  withListener('notifications.info', async (transport, listener) => {
    await notifier(optionsFor(transport, ['messaging'])).info(context, 'p', 'volume.create.end', { a: 1 });

    const [message] = await listener.have(1);
    const sent = JSON.parse(message?.body.toString() ?? '');
    assert.deepEqual(
      [sent['event_type'], sent['payload'], sent['oslo.version']],
      ['volume.create.end', { a: 1 }, undefined],
    );
  }));

test('each topic gets its copy, and each driver is used once [L-094]', () =>
  withListener('audit.info', async (transport, listener) => {
    const options = optionsFor(transport, ['messagingv2', 'messagingv2', 'noop'], ['other', 'audit']);
    await notifier(options).info(context, 'p', 'volume.delete.end', {});

    assert.equal((await listener.have(1)).length, 1);
  }));

test('log writes under the name of the event, with secrets masked [L-094, G-090]', async () => {
  const { logs, lines } = recordedLogs();
  await withListener('unused', async (transport) => {
    const options = { ...optionsFor(transport, ['log']), logs, mask: (text: string) => text.replace('canary', '***') };
    await notifier(options).info(context, 'p', 'volume.attach.end', { password: 'canary' });
  });

  const [line] = lines;
  assert.deepEqual([line?.level, line?.name], ['INFO', 'oslo.messaging.notification.volume.attach.end']);
  assert.ok(line?.text.includes('"password":"***"'));
});

test('without a driver, or with noop alone, notifications are off [L-094]', () =>
  withListener('unused', async (transport) => {
    for (const drivers of [[], ['noop'], ['']]) assert.equal(notifier(optionsFor(transport, drivers)).enabled, false);
  }));

test('a driver that does not exist here is an error that names it [L-094]', () =>
  withListener('unused', async (transport) => {
    assert.throws(
      () => notifier(optionsFor(transport, ['messagingv3'])),
      /driver: 'messagingv3' is not supported; use one of messaging, messagingv2, log, noop, test, routing/,
    );
    for (const driver of ['routing', 'messagingv3']) {
      const routes = [{ driver, accepts: () => true }];
      assert.throws(
        () => notifier({ ...optionsFor(transport, ['routing']), routes }),
        new RegExp(`routing_config: '${driver}' is not supported; use one of messaging, messagingv2, log, noop, test$`),
      );
    }
  }));

test('routing hands each notification to the drivers whose rules take it, to each of them once [L-094]', async (t) => {
  const file = join(aFolder(t), 'routing.yaml');
  const rules = [
    'audit:',
    '  log:',
    '    accepted_events: ["volume.delete.*", snapshot.create.start]',
    'more:',
    '  log:',
    '    accepted_events: ["*.end"]',
    '    accepted_priorities: [INFO, warn]',
    '  messagingv2:',
    '    accepted_priorities: [error]',
    '  noop:',
  ];
  await writeFile(file, rules.join('\n'));
  const { logs, lines } = recordedLogs();
  let enabled = false;
  await withListener('unused', async (transport) => {
    const routes = await readRoutes(file);
    const routing = notifier({ ...optionsFor(transport, ['routing']), logs, routes });
    enabled = routing.enabled;
    for (const event of ['volume.delete.end', 'snapshot.create.start', 'volume.create.start', 'volume.create.end']) {
      await routing.info(context, 'p', event, {});
    }
  });

  assert.equal(enabled, true);
  const written = lines.filter(({ name }) => name.startsWith('oslo.messaging.notification.'));
  assert.deepEqual(
    written.map(({ name }) => name.slice('oslo.messaging.notification.'.length)),
    ['volume.delete.end', 'snapshot.create.start', 'volume.create.end'],
  );
  const routed = lines.filter(({ name }) => name === 'oslo_messaging.notify._impl_routing');
  assert.equal(routed.length, 3);
  assert.deepEqual(
    [routed[0]?.level, routed[0]?.text],
    ['INFO', "Routing 'volume.delete.end' notification to 'log' driver"],
  );
});

test('routing publishes by messagingv2 what its rules take, beside other drivers [L-094]', (t) =>
  withListener('notifications.info', async (transport, listener) => {
    const file = join(aFolder(t), 'routing.yaml');
    await writeFile(file, 'g: {messagingv2: {accepted_events: ["volume.create.*"]}}');
    const options = { ...optionsFor(transport, ['log', 'routing']), routes: await readRoutes(file) };
    const routing = notifier(options);
    for (const event of ['volume.delete.end', 'volume.create.end']) await routing.info(context, 'p', event, {});

    const sent = (await listener.have(1)).map(({ body }) => decodeEnvelope(body)['event_type']);
    assert.deepEqual(sent, ['volume.create.end']);
  }));

test('nobody waits for a notification, and what is left unsent is told in the log [messaging 6.2]', async () => {
  const { logs, at } = recordedLogs();
  const broker = await aBroker();
  const transport = await aTransport(broker);
  const { info } = notifier({ ...optionsFor(transport, ['messagingv2']), logs });
  await broker.close();

  await info(context, 'p', 'volume.create.start', {});
  assert.deepEqual(at('ERROR'), []);
  await transport.close(0);
  await Promise.resolve();
  assert.match(at('ERROR').join(), /Could not send notification volume\.create\.start to notifications/);
});

test('a payload that JSON cannot hold is told in the log, and harms nobody', async () => {
  const { logs, at } = recordedLogs();
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  await withListener('unused', async (transport) => {
    await notifier({ ...optionsFor(transport, ['messagingv2', 'log']), logs }).info(context, 'p', 'x', cycle);
  });

  assert.equal(at('ERROR').filter((line) => line.includes('Notification x could not be sent')).length, 2);
});
