import { decoded } from './addresses.ts';
import type { ExchangeKind } from './exchange.ts';
import type { Declared, Router } from './router.ts';

/** The answer to a request: an HTTP status and, where there is something to say, a text or a map. */
export interface Answer {
  readonly status: number;
  readonly body?: string | Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;
type Handler = (router: Router, name: string, fields: Fields) => Answer;

const handlers: Readonly<Record<string, Handler>> = {
  'PUT exchanges': putExchange,
  'DELETE exchanges': (router, name) => {
    router.deleteExchange(name);
    return { status: 204 };
  },
  'PUT queues': putQueue,
  'GET queues': getQueue,
  'DELETE queues': (router, name) => ({ status: 200, body: { message_count: router.deleteQueue(name) } }),
  'POST bindings': postBinding,
};

/** Answers one request to the `/management` node: the part of RabbitMQ 4's that messaging.md §2.2 names. */
export function answer(router: Router, verb: unknown, path: unknown, body: unknown): Answer {
  const [root, room, segment = '', ...rest] = String(path).split('/');
  const name = decoded(segment);
  const handler = handlers[`${verb} ${room}`];
  if (root !== '' || handler === undefined || rest.length > 0) return { status: 404, body: `no ${verb} ${path} here` };
  if (name === undefined || (name === '') !== (room === 'bindings'))
    return { status: 400, body: `bad name in ${path}` };
  return handler(router, name, typeof body === 'object' && body !== null ? (body as Fields) : {});
}

function putExchange(router: Router, name: string, fields: Fields): Answer {
  const kind = fields['type'] ?? 'topic';
  if (!isKind(kind)) return { status: 400, body: `exchange type '${kind}' is not served here, only topic and fanout` };
  const { durable, auto_delete } = lifetimeOf(fields);
  return declared(router.declareExchange(name, { kind, durable, auto_delete }), 204, 204);
}

function putQueue(router: Router, name: string, fields: Fields): Answer {
  if (isTrue(fields['exclusive'])) return { status: 400, body: 'exclusive queues are not served here' };
  const extra = fields['arguments'];
  const args = typeof extra === 'object' && extra !== null ? (extra as Fields) : {};
  return declared(router.declareQueue(name, { ...lifetimeOf(fields), arguments: args }), 201, 200);
}

function getQueue(router: Router, name: string): Answer {
  const queue = router.queue(name);
  if (queue === undefined) return { status: 404, body: `no queue '${name}'` };
  queue.touch();
  const { durable, auto_delete } = queue.settings;
  const body = { name, durable, auto_delete, exclusive: false, arguments: queue.settings.arguments };
  return { status: 200, body: { ...body, message_count: queue.depth, consumer_count: queue.consumerCount } };
}

function postBinding(router: Router, _name: string, fields: Fields): Answer {
  const { source, binding_key: key = '', destination_queue: queue } = fields as Record<string, unknown>;
  if (typeof source !== 'string' || typeof key !== 'string' || typeof queue !== 'string') {
    return { status: 400, body: 'a binding needs source, binding_key and destination_queue' };
  }
  if (router.bind(source, key, queue)) return { status: 204 };
  return { status: 400, body: `no exchange '${source}' or no queue '${queue}'` };
}

function declared(outcome: Declared, created: number, present: number): Answer {
  if (outcome.result === 'conflict') return { status: 409, body: outcome.text };
  return { status: outcome.result === 'created' ? created : present };
}

function lifetimeOf(fields: Fields): { durable: boolean; auto_delete: boolean } {
  return { durable: isTrue(fields['durable']), auto_delete: isTrue(fields['auto_delete']) };
}

/** rhea shows a boolean inside a map as a number, depending on how its sender wrote it. */
function isTrue(value: unknown): boolean {
  return value === true || value === 1;
}

function isKind(value: unknown): value is ExchangeKind {
  return value === 'topic' || value === 'fanout';
}
