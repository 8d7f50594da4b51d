import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import {
  BadMessage,
  decodeEnvelope,
  encodeEnvelope,
  hexId,
  replyMessage,
  requestMessage,
  requestOf,
} from '../../src/messaging/envelope.ts';
import { adminContext } from '../../src/objects/context.ts';
import { capturedMessages } from '../support/wire.ts';

test('every captured message is read as it was meant, and written to the same value [M-20, rpc 2]', () => {
  for (const { file, seq, body, message } of capturedMessages()) {
    const decoded = decodeEnvelope(Buffer.from(body));
    assert.deepEqual(decoded, message, `${file} ${seq}`);
    assert.deepEqual(decodeEnvelope(encodeEnvelope(decoded)), message);
    assert.deepEqual(Object.keys(JSON.parse(encodeEnvelope(decoded).toString())), ['oslo.version', 'oslo.message']);
  }
});

test('a captured call shows where its answer goes, a cast does not [rpc 2]', () => {
  const [call, reply] = capturedMessages('20-get_capabilities');
  const [, cast] = capturedMessages('04-extend_volume');
  const request = requestOf(call?.message ?? {});

  assert.deepEqual(request.reply, { queue: call?.message['_reply_q'], msgId: call?.message['_msg_id'], timeout: null });
  assert.deepEqual([request.method, request.version, request.args], ['get_capabilities', '3.0', { discover: false }]);
  assert.equal(request.context.request_id, call?.message['_context_request_id']);
  assert.equal(requestOf(cast?.message ?? {}).reply, undefined);
  assert.equal(reply?.message['_msg_id'], request.reply?.msgId);
});

test('what we send has the keys of what peers send [M-22, objects 7]', () => {
  const [call, answer] = capturedMessages('20-get_capabilities');
  const request = { method: 'get_capabilities', version: '3.0', args: { discover: false }, context: adminContext() };
  const reply = { queue: 'reply_x', msgId: hexId(), timeout: null };

  assert.deepEqual(new Set(Object.keys(requestMessage(request, reply))), new Set(Object.keys(call?.message ?? {})));
  assert.deepEqual(Object.keys(replyMessage(reply, { result: {}, ending: true })), Object.keys(answer?.message ?? {}));
  assert.deepEqual(replyMessage(reply, { ending: false })['result'], null);
  assert.match(String(requestMessage(request)['_unique_id']), /^[0-9a-f]{32}$/);
});

test('compressed bodies are read, whichever way [M-26]', () => {
  const body = encodeEnvelope({ method: 'x', args: {} });

  assert.deepEqual(decodeEnvelope(deflateSync(body)), { method: 'x', args: {} });
  assert.deepEqual(decodeEnvelope(gzipSync(body)), { method: 'x', args: {} });
});

test('a small body that unpacks to gigabytes is refused before it does [M-28]', () => {
  assert.throws(() => decodeEnvelope(deflateSync(Buffer.alloc(40 * 2 ** 20))), BadMessage);
});

test('what is nested too deep is refused, brackets in a text are not nesting [M-28]', () => {
  const nested = (depth: number): Buffer => Buffer.from(`{"a": ${'['.repeat(depth)}${']'.repeat(depth)}}`);

  assert.equal(typeof decodeEnvelope(nested(90)), 'object');
  assert.throws(() => decodeEnvelope(nested(101)), /nested more than 100/);
  assert.throws(() => decodeEnvelope(nested(1_000_000)), /nested more than 100/);
  const text = `${'[{'.repeat(300)} \\" " and more`;
  assert.deepEqual(decodeEnvelope(encodeEnvelope({ text })), { text });
  assert.deepEqual(decodeEnvelope(encodeEnvelope({ flat: Array(500).fill([]) }))['flat'], Array(500).fill([]));
});

test('bodies that are none say what is wrong with them [M-28]', () => {
  const problems: [string | Buffer, RegExp][] = [
    ['', /no JSON/],
    ['nope', /no JSON/],
    ['5', /no JSON object/],
    ['[]', /no JSON object/],
    ['null', /no JSON object/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
    [Buffer.from([0x78, 0x9c, 1, 2, 3]), /cannot be unpacked/],
    [Buffer.alloc(17 * 2 ** 20), /of 17825792 bytes/],
    ['{"oslo.version": "1.0", "oslo.message": "{}"}', /version "1\.0", expected 2\.0/],
    ['{"oslo.message": "{}"}', /version none/],
    ['{"oslo.version": "2.0"}', /'oslo.message' is no text/],
    ['{"oslo.version": "2.0", "oslo.message": {}}', /'oslo.message' is no text/],
    ['{"oslo.version": "2.0", "oslo.message": "x"}', /no JSON/],
  ];
  for (const [body, problem] of problems) {
    assert.throws(
      () => decodeEnvelope(Buffer.from(body)),
      (error: Error) => error instanceof BadMessage && problem.test(error.message),
    );
  }
});

test('an envelope of a later minor version is read, and so is a message without one [M-28]', () => {
  assert.deepEqual(decodeEnvelope(Buffer.from('{"oslo.version": "2.7", "oslo.message": "{}"}')), {});
  assert.deepEqual(decodeEnvelope(Buffer.from('{"method": "x"}')), { method: 'x' });
});

test('a bad request says where its answer goes, if that much can be read [M-28]', () => {
  const address = { _msg_id: 'm', _reply_q: 'q' };
  const replyOf = (message: object): unknown => {
    try {
      requestOf(message as Record<string, unknown>);
    } catch (error) {
      return error instanceof BadMessage ? error.reply : error;
    }
    return 'read';
  };

  assert.deepEqual(replyOf({ ...address }), { msgId: 'm', queue: 'q', timeout: null });
  assert.deepEqual(replyOf({ ...address, method: 'x', args: [] }), { msgId: 'm', queue: 'q', timeout: null });
  assert.equal(replyOf({ method: 7, _msg_id: 'm' }), undefined);
  assert.equal(replyOf({ ...address, method: 'x' }), 'read');
});

test('an answer to where no queue can be is asked of nobody [M-28]', () => {
  const asking = (name: unknown) => requestOf({ method: 'm', _msg_id: 'm', _reply_q: name }).reply?.queue;

  for (const name of ['reply_1', 'ü'.repeat(127), '\0', '/?#', '\u{1f600}']) assert.equal(asking(name), name);
  for (const name of ['', 'x'.repeat(256), 'ü'.repeat(128), '\ud800', 'a\udc00', 7, null]) {
    assert.equal(asking(name), undefined);
  }
});

test('any JSON survives the envelope [M-20]', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (message) => {
      assert.deepEqual(decodeEnvelope(encodeEnvelope(message)), JSON.parse(JSON.stringify(message)));
    }),
    { numRuns: 200 },
  );
});
