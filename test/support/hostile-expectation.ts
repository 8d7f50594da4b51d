import { CinderError } from '../../src/base/errors.ts';
import type { Dispatcher } from '../../src/messaging/dispatcher.ts';
import {
  BadMessage,
  decodeEnvelope,
  type ReplyAddress,
  type Request,
  requestOf,
} from '../../src/messaging/envelope.ts';

/** What a service owes to a message. */
export interface Expectation {
  /** `bad` is no request at all, `refused` one that nobody can serve; `served` is run, whatever comes of it. */
  readonly fate: 'served' | 'refused' | 'bad';
  /** Where an answer is waited for. */
  readonly reply: ReplyAddress | undefined;
  /** The request id that it bears, if it bears one that can be read. */
  readonly requestId: string | undefined;
  /** Its id may be that of another one: then nothing is owed to it. */
  readonly mayBeCopy: boolean;
}

const isRequestId = /^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isUnique = /^[0-9a-f]{32}$/;

/** Throws what reading the message must never throw. */
export function expectationOf(body: Buffer, dispatch: Dispatcher): Expectation {
  let request: Request | undefined;
  const told = (fate: Expectation['fate'], { reply, context }: Pick<Request, 'reply' | 'context'>): Expectation => {
    const { request_id: id } = context;
    const uniqueId = request?.uniqueId;
    // What bears none gets a new one.
    const requestId = isRequestId.test(id) && body.includes(id) ? id : undefined;
    return { fate, reply, requestId, mayBeCopy: uniqueId !== undefined && !isUnique.test(uniqueId) };
  };
  try {
    request = requestOf(decodeEnvelope(body));
    dispatch(request).request(request.context, request.args);
    return told('served', request);
  } catch (error) {
    if (error instanceof BadMessage) return told('bad', error);
    if (error instanceof CinderError && request !== undefined) return told('refused', request);
    throw error;
  }
}

/** Far larger and far deeper than anything real, and calls whose answers are to go where no queue can be. */
export function giants(replyQueue: string): Buffer[] {
  const call = (id: string) => ({ method: 'get_capabilities', version: '3.0', _msg_id: id, _reply_q: replyQueue });
  const large = { ...call('large'), args: { discover: false }, _context_roles: ['x'.repeat(8 * 2 ** 20)] };
  const deep = JSON.stringify({ ...call('deep'), args: {} }).replace('{}', '['.repeat(100_000) + ']'.repeat(100_000));
  const nowhere = ['\ud800', 'x'.repeat(20_000), 'ü'.repeat(128), '\0', '/?#%41', '..', ' '].map((name) =>
    JSON.stringify({ ...call('nowhere'), _reply_q: name }),
  );
  return [JSON.stringify(large), deep, ...nowhere].map((message) =>
    Buffer.from(JSON.stringify({ 'oslo.version': '2.0', 'oslo.message': message })),
  );
}
