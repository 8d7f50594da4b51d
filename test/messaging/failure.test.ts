import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CinderError, WrongType, WrongValue } from '../../src/base/errors.ts';
import { decodeFailure, encodeFailure, RemoteError } from '../../src/messaging/failure.ts';
import {
  DriverNotInitialized,
  InvalidVolume,
  VolumeBackendAPIException,
  VolumeNotFound,
} from '../../src/objects/exceptions.ts';
import { capturedMessages } from '../support/wire.ts';

const plain = (text: string): string => text;

function capturedFailure(name: string): Record<string, unknown> {
  for (const { message } of capturedMessages('26-error-replies')) {
    const failure = typeof message['failure'] === 'string' ? JSON.parse(message['failure']) : {};
    if (failure.class === name) return failure;
  }
  throw new Error(`no captured ${name}`);
}

test('failures are written as peers write them, but for the stack [M-22, rpc 2.2]', () => {
  const errors: CinderError[] = [
    new VolumeNotFound({ volume_id: '00000000-0000-4000-8000-000000000000' }),
    new InvalidVolume({ reason: 'volume is already attached and multiple attachments are not enabled' }),
    new WrongType("VolumeManager.get_capabilities() got an unexpected keyword argument 'bogus'"),
  ];
  for (const error of errors) {
    const { tb, ...ours } = JSON.parse(encodeFailure(error, plain));
    const { tb: _theirs, ...theirs } = capturedFailure(error.name);
    const { message } = theirs;
    assert.deepEqual(ours, { ...theirs, kwargs: kwargsOf(theirs, error) }, String(message));
    assert.ok(Array.isArray(tb) && tb.length > 1 && tb.every((line) => String(line).endsWith('\n')));
  }
});

/** Upstream puts a reason into InvalidVolume's kwargs only sometimes: the same text either way. */
function kwargsOf(theirs: Record<string, unknown>, error: CinderError): unknown {
  return { ...(theirs['kwargs'] as object), ...error.kwargs };
}

test('the HTTP code of a class travels with it, 500 where it has none of its own [rpc 7]', () => {
  const codeOf = (error: CinderError) => JSON.parse(encodeFailure(error, plain)).kwargs.code;

  assert.equal(codeOf(new VolumeNotFound({ volume_id: 'v' })), 404);
  assert.equal(codeOf(new InvalidVolume({ reason: 'x' })), 400);
  assert.equal(codeOf(new VolumeBackendAPIException({ data: 'x' })), 500);
  assert.equal(codeOf(new DriverNotInitialized()), 500);
  assert.equal(codeOf(new WrongValue('x')), undefined);
});

test('what is no CinderError is a CinderException to the caller, with its text [rpc 2.2]', () => {
  const of = (error: unknown) => {
    const { class: name, module, message, args } = JSON.parse(encodeFailure(error, plain));
    return [name, module, message, args[0]];
  };

  assert.deepEqual(of(new RangeError('too far')), ['CinderException', 'cinder.exception', 'too far', 'too far']);
  assert.deepEqual(of('just text').slice(2), ['just text', 'just text']);
  assert.deepEqual(of(undefined).slice(2), ['undefined', 'undefined']);
  assert.equal(of(new AggregateError([new Error('a'), new Error('b')], 'both'))[2], 'both; a; b');
});

test('secrets are masked wherever they stand in a failure [G-090, O-26]', () => {
  const error = new VolumeBackendAPIException({ data: 'password=canary' });
  error.stack = 'VolumeBackendAPIException: password=canary\n    at password=canary';

  const text = encodeFailure(error, (line) => line.replaceAll('canary', '***'));

  assert.ok(!text.includes('canary'));
  assert.equal(text.split('***').length - 1, 5);
});

test('kwargs never hold a message: peers build the class from them [rpc 2.2]', () => {
  const error = new CinderError('text', { message: 'x', other: 1 });

  assert.deepEqual(JSON.parse(encodeFailure(error, plain)).kwargs, { other: 1, code: 500 });
});

test('a failure of a peer is rebuilt under the name that it has there, and passed on as it was [rpc 2.2]', () => {
  for (const { message } of capturedMessages('26-error-replies')) {
    if (typeof message['failure'] !== 'string') continue;
    const captured = JSON.parse(message['failure']);
    const error = decodeFailure(message['failure']);

    assert.ok(error instanceof RemoteError && error instanceof CinderError);
    assert.deepEqual([error.name, error.module, error.message], [captured.class, captured.module, captured.message]);
    assert.deepEqual(error.kwargs, captured.kwargs);
    const { tb, ...again } = JSON.parse(encodeFailure(error, plain));
    const { tb: _tb, ...before } = captured;
    assert.deepEqual(again, before);
  }
});

test('a failure that cannot be read is one all the same', () => {
  for (const text of [
    'no json',
    '5',
    '{}',
    null,
    7,
    { class: 5 },
    '{"class": "X", "kwargs": {"a": {}, "b": [1]}, "tb": 4}',
  ]) {
    const error = decodeFailure(text);
    assert.ok(error instanceof RemoteError && error.message.length > 0);
    assert.deepEqual([error.kwargs, error.trace], [{}, []]);
  }
});
