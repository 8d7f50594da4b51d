import { randomUUID } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import type { Logger, Logs } from '../base/log.ts';
import { utcNow } from '../base/time.ts';
import type { Notifier } from '../interface/notifier.ts';
import { contextToMessage, type RequestContext } from '../objects/context.ts';
import { encodeEnvelope, hexId, type Message } from './envelope.ts';
import type { Mask } from './failure.ts';
import type { NotificationValues } from './options.ts';
import { declareAll, notificationTopology, type TopologyOptions } from './topology.ts';
import type { Attachment, Live, Transport } from './transport.ts';

export interface NotifierOptions {
  readonly values: Pick<NotificationValues, 'driver' | 'topics' | 'retry'>;
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

const silentDrivers = ['noop', 'test'];
const knownDrivers = ['messaging', 'messagingv2', 'log', ...silentDrivers];

/**
 * Sends notifications by the drivers of `[oslo_messaging_notifications]` (manager.md §14). Throws for a driver that does
 * not exist here.
 */
export function notifier(options: NotifierOptions): Notifier {
  const { values, logs } = options;
  const drivers = [...new Set(values.driver)].filter((driver) => driver !== '');
  const unknown = drivers.find((driver) => !knownDrivers.includes(driver));
  if (unknown !== undefined) {
    const use = `use one of ${knownDrivers.join(', ')}`;
    throw new Error(`[oslo_messaging_notifications] driver: '${unknown}' is not supported; ${use}`);
  }
  const sends = drivers.flatMap((driver) => sendersOf(driver, options));
  if (drivers.some((driver) => driver.startsWith('messaging'))) void options.transport.attach(queuesOf(options));
  const logger = logs('oslo.messaging.notification');
  return {
    enabled: sends.length > 0,
    async info(context, publisher, eventType, payload) {
      const fields = {
        message_id: randomUUID(),
        publisher_id: publisher,
        event_type: eventType,
        priority: 'INFO',
        payload,
        timestamp: utcNow().replace('T', ' '),
      };
      for (const send of sends) {
        try {
          send({ context, eventType, fields });
        } catch (error) {
          logger.error('Notification %s could not be sent: %s', eventType, messageOf(error));
        }
      }
    },
  };
}

function sendersOf(driver: string, options: NotifierOptions): Send[] {
  switch (driver) {
    case 'messaging':
      return [publisher(options, (message) => Buffer.from(JSON.stringify(message)))];
    case 'messagingv2':
      return [publisher(options, encodeEnvelope)];
    case 'log':
      return [logWriter(options.logs, options.mask)];
    default:
      return [];
  }
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
