import { randomUUID } from 'node:crypto';
import { type CapturedMessage, capturedMessages } from './wire.ts';

type Random = () => number;

/** Messages made of captured ones by what a broken or hostile peer could do to them. */
export class HostileMessages {
  readonly methods: readonly string[];
  readonly #random: Random;
  readonly #captures: readonly CapturedMessage[];
  readonly #oversized = 'x'.repeat(20_000);

  constructor(random: Random) {
    this.#random = random;
    this.#captures = capturedMessages().filter(
      ({ message, body }) => typeof message['method'] === 'string' && body.length < 20_000,
    );
    this.methods = [...new Set(this.#captures.map(({ message }) => String(message['method'])))];
  }

  /** One more, whose answer, if it still asks for one, goes to `replyQueue`. */
  next(replyQueue = 'reply_hostile'): Buffer {
    const { message } = this.#pick(this.#captures);
    const id = randomUUID().replaceAll('-', '');
    const isCall = '_msg_id' in message || this.#random() < 0.3;
    const call = isCall ? { _msg_id: id, _reply_q: replyQueue, _timeout: null } : {};
    let hostile: unknown = { ...message, ...call, _unique_id: id, _context_request_id: `req-${randomUUID()}` };
    for (let changes = 1 + Math.floor(this.#random() * 3); changes > 0; changes--) hostile = this.#changed(hostile);
    const inner = JSON.stringify(hostile);
    const envelope: unknown = { 'oslo.version': '2.0', 'oslo.message': inner };
    const body = Buffer.from(JSON.stringify(this.#random() < 0.05 ? this.#changed(envelope) : envelope));
    return this.#random() < 0.05 ? this.#torn(body) : body;
  }

  /** The same with one thing in it removed, renamed, of another kind, nested or too large. What is not concerned is shared. */
  #changed(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return this.#stranger(value);
    const keys = Object.keys(value);
    const key = this.#pick(keys);
    if (key === undefined) return this.#stranger(value);
    const copy: Record<string, unknown> = { ...value };
    const at = copy[key];
    const isLeaf = typeof at !== 'object' || at === null;
    if (!isLeaf && this.#random() < 0.8) copy[key] = this.#changed(at);
    else {
      const kind = this.#random();
      if (kind < 0.3) delete copy[key];
      else if (kind < 0.5) {
        delete copy[key];
        copy[this.#pick(['__proto__', `${key}x`, key.toUpperCase(), 'constructor', ''])] = at;
      } else copy[key] = this.#stranger(at);
    }
    return Array.isArray(value) && this.#random() < 0.9 ? Object.values(copy) : copy;
  }

  #stranger(value: unknown): unknown {
    const kind = Math.floor(this.#random() * 14);
    switch (kind) {
      case 0:
        return null;
      case 1:
        return -1;
      case 2:
        return 1e308;
      case 3:
        return '';
      case 4:
        return true;
      case 5:
        return [];
      case 6:
        return {};
      case 7:
        return [value];
      case 8:
        return { value };
      case 9:
        return this.#random() < 0.2 ? this.#oversized : 'short';
      case 10:
        return '\ud800';
      case 11:
        return `${String(value)}\u0000`;
      case 12:
        return nested(value, 150);
      default:
        return String(value);
    }
  }

  /** Cut off, or with a byte that is another one. */
  #torn(body: Buffer): Buffer {
    if (this.#random() < 0.5) return body.subarray(0, Math.floor(this.#random() * body.length));
    const copy = Buffer.from(body);
    copy[Math.floor(this.#random() * copy.length)] = Math.floor(this.#random() * 256);
    return copy;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }
}

function nested(value: unknown, levels: number): unknown {
  let result = value;
  for (let level = 0; level < levels; level++) result = [result];
  return result;
}
