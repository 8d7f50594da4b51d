import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import { contextFromMessage, contextToMessage, type RequestContext } from '../objects/context.ts';

/** An inner message: a request, a reply or a notification (rpc.md §2). */
export type Message = Readonly<Record<string, unknown>>;

/** Where the caller of a call waits. */
export interface ReplyAddress {
  readonly queue: string;
  readonly msgId: string;
  /** Seconds of a monitored call: a sign of life is due twice in this time (M-23). */
  readonly timeout: number | null;
}

/** A request as it came, its arguments undecoded. */
export interface Request {
  readonly method: string;
  readonly version: string;
  readonly namespace: string | null;
  readonly args: Message;
  readonly context: RequestContext;
  readonly uniqueId: string | undefined;
  /** Undefined for a cast, which is never answered. */
  readonly reply: ReplyAddress | undefined;
}

/** A body that is no message of ours to understand (M-28). It is settled, logged, and answered where `reply` says so. */
export class BadMessage extends Error {
  readonly reply: ReplyAddress | undefined;
  /** Whose request it is, as far as it says so. */
  readonly context: RequestContext;

  constructor(problem: string, message: Message = {}, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'BadMessage';
    this.reply = replyAddressOf(message);
    this.context = contextFromMessage(message);
  }
}

/** The most that a message may measure, and how deep its values may be nested: beyond this nothing real is found. */
const most = { bytes: 16 * 2 ** 20, depth: 100 };

/** Reads a body: JSON in an envelope of version 2, JSON alone, either of them compressed. Throws BadMessage. */
export function decodeEnvelope(body: Buffer): Message {
  const outer = jsonObject(textOf(body));
  if (!('oslo.version' in outer) && !('oslo.message' in outer)) return outer;
  const { 'oslo.version': version, 'oslo.message': message } = outer;
  if (typeof version !== 'string' || version.split('.')[0] !== '2') {
    throw new BadMessage(`an envelope of version ${JSON.stringify(version) ?? 'none'}, expected 2.0`);
  }
  if (typeof message !== 'string') throw new BadMessage("an envelope whose 'oslo.message' is no text");
  return jsonObject(message);
}

/** Reads a request out of its message. Throws BadMessage for what has no method. */
export function requestOf(message: Message): Request {
  const { method, version = '1.0', namespace = null, args = {} } = message;
  const reply = replyAddressOf(message);
  if (typeof method !== 'string') throw new BadMessage("a message without a 'method'", message);
  if (!isMessage(args)) throw new BadMessage(`a request for ${method} whose 'args' are no dictionary`, message);
  const uniqueId = message['_unique_id'];
  return {
    method,
    version: String(version),
    namespace: namespace === null ? null : String(namespace),
    args,
    context: contextFromMessage(message),
    uniqueId: typeof uniqueId === 'string' ? uniqueId : undefined,
    reply,
  };
}

export function encodeEnvelope(message: Message): Buffer {
  return Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': JSON.stringify(message) }));
}

/** The message of a cast, or of a call where there is a reply address. */
export function requestMessage(
  request: Pick<Request, 'method' | 'version' | 'args' | 'context'>,
  reply?: ReplyAddress,
): Message {
  const { method, version, args, context } = request;
  const answer = reply === undefined ? {} : { _msg_id: reply.msgId, _reply_q: reply.queue, _timeout: reply.timeout };
  return { method, args, version, ...answer, _unique_id: hexId(), ...contextToMessage(context) };
}

/** What answers a call. A sign of life has `ending` false, the answer itself true. */
export function replyMessage(
  reply: ReplyAddress,
  answer: { readonly result?: unknown; readonly failure?: string; readonly ending: boolean },
): Message {
  const { result = null, failure = null, ending } = answer;
  return { result, failure, ending, _msg_id: reply.msgId, _unique_id: hexId() };
}

/** 32 hexadecimal digits: ids of messages, and what makes a queue's name unique. */
export function hexId(): string {
  return randomUUID().replaceAll('-', '');
}

/** The first bytes of a body, for the log. */
export function startOf(body: Buffer): string {
  return JSON.stringify(body.subarray(0, 200).toString('latin1'));
}

function replyAddressOf(message: Message): ReplyAddress | undefined {
  const { _msg_id: msgId, _reply_q: queue, _timeout: timeout } = message as Record<string, unknown>;
  if (typeof msgId !== 'string' || typeof queue !== 'string' || !mayBeQueue(queue)) return undefined;
  return { msgId, queue, timeout: typeof timeout === 'number' ? timeout : null };
}

/** No broker has a queue of a name that AMQP cannot carry: nobody waits there. */
function mayBeQueue(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= 255 && !/\p{Surrogate}/u.test(name);
}

function textOf(body: Buffer): string {
  if (body.length > most.bytes)
    throw new BadMessage(`a message of ${body.length} bytes, at most ${most.bytes} are read`);
  const plain = isCompressed(body) ? unpacked(body) : body;
  if (!isUtf8(plain)) throw new BadMessage('a message that is not UTF-8');
  return plain.toString('utf8');
}

/** zlib (kombu's `gzip`) or gzip: no JSON begins with these bytes (M-26). */
function isCompressed(body: Buffer): boolean {
  return body[0] === 0x78 || (body[0] === 0x1f && body[1] === 0x8b);
}

function unpacked(body: Buffer): Buffer {
  try {
    return process.getBuiltinModule('node:zlib').unzipSync(body, { maxOutputLength: most.bytes });
  } catch (error) {
    throw new BadMessage(`a message that cannot be unpacked: ${messageOf(error)}`, undefined, { cause: error });
  }
}

function jsonObject(text: string): Message {
  if (isDeep(text)) throw new BadMessage(`a message nested more than ${most.depth} levels deep`);
  const value = parsed(text);
  if (!isMessage(value)) throw new BadMessage('a message that is no JSON object');
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadMessage(`a message that is no JSON: ${messageOf(error)}`, undefined, { cause: error });
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Found before anything is built of the text. Few opening brackets, which is quickly seen, cannot be nested deep. */
function isDeep(text: string): boolean {
  return !hasAtMost(text, most.depth) && depthOf(text) > most.depth;
}

function hasAtMost(text: string, limit: number): boolean {
  let found = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++found > limit) return false;
    }
  }
  return true;
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === 0x5c) at += 1;
      else quoted = code !== 0x22;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}
