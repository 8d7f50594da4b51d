import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestSpecFromPrimitive } from '../../src/objects/request-spec.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { capturedMessages } from '../support/wire.ts';

/** Every object of one class in a captured message, at any depth. */
function objectsIn(value: unknown, name: string): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const record = value as Record<string, unknown>;
  const own = record['versioned_object.name'] === name ? [record] : [];
  return [...own, ...Object.values(record).flatMap((item) => objectsIn(item, name))];
}

/** The parts that our tables keep: computed or foreign keys are ignored on receipt (objects.md §2). */
function withoutUnknown(primitive: Record<string, unknown>): Record<string, unknown> {
  const { 'versioned_object.changes': _changes, ...rest } = primitive;
  return rest;
}

test('every captured volume and snapshot comes back as it was sent [objects 2, objects 3]', () => {
  let compared = 0;

  for (const { message } of capturedMessages()) {
    for (const [name, codec] of [
      ['Volume', volumeCodec],
      ['Snapshot', snapshotCodec],
    ] as const) {
      for (const primitive of objectsIn(message, name)) {
        const object = codec.decode(primitive);
        const again = codec.encode(object as never) as unknown as Record<string, unknown>;
        assert.deepEqual(strip(again), strip(withoutUnknown(primitive)));
        compared++;
      }
    }
  }

  assert.ok(compared >= 45, `only ${compared} objects compared`);
});

/** Nested objects may carry a change list, which is the sender's affair. */
function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'versioned_object.changes')
      .map(([key, item]) => [key, strip(item)]),
  );
}

test('refuses another class, another major version and values that cannot be read [objects 3, objects 5.4]', () => {
  const volume = (data: object, extra: object = {}): object => ({
    'versioned_object.name': 'Volume',
    'versioned_object.namespace': 'cinder',
    'versioned_object.version': '1.99',
    'versioned_object.data': data,
    ...extra,
  });

  assert.equal(volumeCodec.decode(volume({ id: 'x', size: '5', bootable: 'false', invented: 1 })).size, 5);
  assert.throws(() => volumeCodec.decode(volume({}, { 'versioned_object.name': 'Snapshot' })), {
    name: 'UnsupportedObjectError',
  });
  assert.throws(() => volumeCodec.decode(volume({}, { 'versioned_object.version': '2.0' })), {
    name: 'IncompatibleObjectVersion',
  });
  assert.throws(() => volumeCodec.decode(volume({ size: '5.0' })), {
    name: 'ValueError',
    message: 'Volume.size: expected an integer, got "5.0"',
  });
  assert.throws(() => volumeCodec.decode('nonsense'), { name: 'ValueError' });
  assert.throws(
    () => snapshotCodec.decode(volume({ status: 'error_managing' }, { 'versioned_object.name': 'Snapshot' })),
    {
      name: 'ValueError',
    },
  );
});

test('a request spec keeps the whole of what came, and null is an empty one [rpc 6.1]', () => {
  const captured = capturedMessages().find(({ message }) => message['method'] === 'create_volume');
  const args = captured?.message['args'] as Record<string, unknown>;

  const spec = requestSpecFromPrimitive(args['request_spec']);

  assert.equal(spec.primitive, args['request_spec']);
  assert.equal(typeof spec.volume_id, 'string');
  assert.equal(requestSpecFromPrimitive(null).primitive, null);
});
