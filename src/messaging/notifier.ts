import { randomUUID } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import type { Logger, Logs } from '../base/log.ts';
import { utcNow } from '../base/time.ts';
import type { Notifier } from '../interface/notifier.ts';
import { contextToMessage, type RequestContext } from '../objects/context.ts';
import { encodeEnvelope, hexId, type Message } from './envelope.ts';
import type { Mask } from './failure.ts';
import type { NotificationRoute } from './notification-routes.ts';
import type { NotificationValues } from './options.ts';
import { declareAll, notificationTopology, type TopologyOptions } from './topology.ts';
import type { Attachment, Live, Transport } from './transport.ts';

export interface NotifierOptions {
  readonly values: Pick<NotificationValues, 'driver' | 'topics' | 'retry'>;
  /** The rules of the driver `routing`; nothing where it is not among the drivers. */
  readonly routes: readonly NotificationRoute[];
  /** Where `messaging` and `messagingv2` publish; another one than RPC's where `transport_url` says so. */
  readonly transport: Transport;
  readonly controlExchange: string;
  readonly topology: TopologyOptions;
  readonly mask: Mask;
  readonly logs: Logs;
}

/** One notification, before a driver gives it its form. */
interface Notification {
  readonly context: RequestContext;
  readonly eventType: string;
  readonly fields: Message;
}

type Send = (notification: Notification) => void;

/** Milliseconds after which a notification that may be tried for ever is given up all the same. */
const patience = 10 * 60_000;

/** What sends a notification, and of which events. */
interface Outlet {
  readonly send: Send;
  accepts(eventType: string): boolean;
}

const priority = 'INFO';

/** The drivers that there are, with what each sends by. */
const senders: Readonly<Record<string, (options: NotifierOptions) => readonly Send[]>> = {
  messaging: (options) => [publisher(options, (message) => Buffer.from(JSON.stringify(message)))],
  messagingv2: (options) => [publisher(options, encodeEnvelope)],
  log: ({ logs, mask }) => [logWriter(logs, mask)],
  noop: () => [],
  test: () => [],
};

/**
 * Sends notifications by the drivers of `[oslo_messaging_notifications]` (manager.md §14), among them `routing`, which hands
 * them to others by its rules. Throws for a driver that does not exist here.
 */
export function notifier(options: NotifierOptions): Notifier {
  const { values, logs, routes } = options;
  const direct = [...new Set(values.driver)].filter((driver) => driver !== '' && driver !== 'routing');
  const routed = [...new Set(routes.map(({ driver }) => driver))];
  checkDrivers('[oslo_messaging_notifications] driver', direct, [...Object.keys(senders), 'routing']);
  checkDrivers('routing_config', routed, Object.keys(senders));
  const outlets = [
    ...direct.flatMap((driver) => sendersOf(driver, options).map((send) => ({ send, accepts: () => true }))),
    ...routed.flatMap((driver) => routedOutlets(driver, options)),
  ];
  if ([...direct, ...routed].some((driver) => driver.startsWith('messaging'))) {
    void options.transport.attach(queuesOf(options));
  }
  const logger = logs('oslo.messaging.notification');
  return {
    enabled: outlets.length > 0,
    async info(context, publisher, eventType, payload) {
      const fields = {
        message_id: randomUUID(),
        publisher_id: publisher,
        event_type: eventType,
        priority,
        payload,
        timestamp: utcNow().replace('T', ' '),
      };
      for (const { send } of outlets.filter((outlet) => outlet.accepts(eventType))) {
        try {
          send({ context, eventType, fields });
        } catch (error) {
          logger.error('Notification %s could not be sent: %s', eventType, messageOf(error));
        }
      }
    },
  };
}

function checkDrivers(where: string, drivers: readonly string[], known: readonly string[]): void {
  const unknown = drivers.find((driver) => !known.includes(driver));
  if (unknown !== undefined) {
    throw new Error(`${where}: '${unknown}' is not supported; use one of ${known.join(', ')}`);
  }
}

function sendersOf(driver: string, options: NotifierOptions): readonly Send[] {
  return senders[driver]?.(options) ?? [];
}

/** A driver that several rules name sends once. */
function routedOutlets(driver: string, options: NotifierOptions): Outlet[] {
  const rules = options.routes.filter((route) => route.driver === driver);
  const logger = options.logs('oslo_messaging.notify._impl_routing');
  return sendersOf(driver, options).map((send) => ({
    accepts: (eventType) => rules.some((rule) => rule.accepts(eventType, priority.toLowerCase())),
    send: (notification) => {
      logger.info("Routing '%s' notification to '%s' driver", notification.eventType, driver);
      send(notification);
    },
  }));
}

/** Leaves the sending to the transport: an operation does not wait until somebody has been told of it. */
function publisher(options: NotifierOptions, encode: (message: Message) => Buffer): Send {
  const { transport, controlExchange, logs } = options;
  const { topics, retry } = options.values;
  const logger = logs('oslo_messaging.notify.messaging');
  const within = retry < 0 ? patience : 60_000 * (retry + 1);
  return ({ context, eventType, fields }) => {
    const body = encode({ ...fields, _unique_id: hexId(), ...contextToMessage(context) });
    for (const topic of topics) {
      const to = { exchange: controlExchange, key: `${topic}.info` };
      void transport.publish({ to, body }, { within, again: retry !== 0 }).then((published) => {
        if ('reason' in published) report(logger, eventType, topic, published.reason);
      });
    }
  };
}

function report(logger: Logger, eventType: string, topic: string, reason: string): void {
  logger.error('Could not send notification %s to %s. %s', eventType, topic, reason);
}

/** One logger an event type, as upstream: an operator chooses by name what is written. */
function logWriter(logs: Logs, mask: Mask): Send {
  return ({ eventType, fields }) => {
    logs(`oslo.messaging.notification.${eventType}`).info('%s', mask(JSON.stringify(fields)));
  };
}

/** Queues for whoever listens later; a router keeps nothing, and would hold up what is behind it (M-63). */
function queuesOf({ values, controlExchange, topology, logs }: NotifierOptions): Attachment {
  const queues = notificationTopology(values.topics, controlExchange, topology);
  const logger = logs('oslo_messaging.notify.messaging');
  return {
    raise: async ({ admin, dialect }: Live) => {
      if (!dialect.routes) await declareAll(admin, queues, logger);
    },
    lower: () => {},
  };
}
