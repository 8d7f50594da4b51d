import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArgumentWriter, encodeMethod, MethodReader, shortTextAt } from '../../src/messaging/amqp091-wire.ts';

test('arguments are written as the protocol has them: bits share an octet, tables know their length [M-16]', () => {
  const flags = new ArgumentWriter().u16(1).shortText('q').bit(true).bit(false).bit(true).table({ n: 1800000, t: 'x' });

  const octets = flags.bytes();
  assert.equal(
    octets.toString('hex'),
    '0001' + '0171' + '05' + '0000000f' + '016e49001b7740' + '01745300000001' + '78',
  );
  assert.equal(
    new ArgumentWriter()
      .table({ n: 2 ** 40, b: true, o: {} })
      .bytes()
      .readUInt32BE(0),
    11 + 4 + 7,
  );
  assert.throws(() => new ArgumentWriter().shortText('x'.repeat(256)), RangeError);
});

test('methods are read however their bytes come, and heartbeats are passed over [M-16]', () => {
  const args = new ArgumentWriter().shortText('queue').u32(7).bytes();
  const frame = encodeMethod({ channel: 1, classId: 50, methodId: 11, args });
  const heartbeat = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]);
  const stream = Buffer.concat([heartbeat, frame, heartbeat, frame]);
  const reader = new MethodReader();

  const methods = [...stream].flatMap((octet) => reader.read(Buffer.from([octet])));

  assert.equal(methods.length, 2);
  assert.deepEqual(methods[1], { channel: 1, classId: 50, methodId: 11, args });
  assert.deepEqual(shortTextAt(args, 0), { text: 'queue', end: 6 });
});

test('what is no AMQP 0-9-1 is refused instead of waited for [M-45]', () => {
  for (const bytes of [
    'AMQP\x00\x01\x00\x00',
    'HTTP/1.1 400 Bad Request',
    '\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a!',
  ]) {
    assert.throws(() => new MethodReader().read(Buffer.from(bytes, 'latin1')), /broker/);
  }
});
