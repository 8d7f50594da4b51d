import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameGate } from '../../src/broker/frame-gate.ts';

const header = (protocol: number): Buffer => Buffer.from([0x41, 0x4d, 0x51, 0x50, protocol, 1, 0, 0]);

function frame(size: number, filled = size): Buffer {
  const bytes = Buffer.alloc(filled);
  bytes.writeUInt32BE(size);
  return bytes;
}

test('a stranger gets 512 bytes a frame, whoever has logged in what was agreed [M-61]', () => {
  const gate = new FrameGate(131_072);

  assert.equal(gate.admit(header(3)), undefined);
  assert.equal(gate.admit(frame(512)), undefined);
  assert.match(gate.admit(frame(513))?.text ?? '', /513 bytes, expected 8 to 512/);

  const known = new FrameGate(131_072);
  known.admit(header(3));
  known.open();
  assert.equal(known.admit(Buffer.concat([header(0), frame(131_072)])), undefined);
  assert.match(known.admit(frame(131_073))?.text ?? '', /131073/);
});

test('sizes are read across any cut of the stream [M-61]', () => {
  const stream = Buffer.concat([header(3), frame(40), frame(8), frame(300)]);
  for (const step of [1, 2, 3, 5, 7, 64]) {
    const gate = new FrameGate(1000);
    for (let at = 0; at < stream.length; at += step) {
      assert.equal(gate.admit(stream.subarray(at, at + step)), undefined, `in steps of ${step}`);
    }
    assert.equal(gate.admit(frame(600))?.kind, 'frame');
  }
});

test('a size that cannot be one is a fault: too small, or a protocol header where none belongs', () => {
  for (const wrong of [frame(0, 4), frame(7, 8), frame(0xffffffff, 8)]) {
    const gate = new FrameGate(131_072);
    gate.admit(header(3));
    assert.equal(gate.admit(wrong)?.kind, 'frame');
  }
  const unknown = new FrameGate(131_072);
  unknown.admit(header(3));
  assert.equal(unknown.admit(header(0))?.kind, 'frame', 'no second header before the login');

  const known = new FrameGate(131_072);
  known.open();
  known.admit(Buffer.concat([header(3), header(0)]));
  assert.equal(known.admit(header(0))?.kind, 'frame', 'no third header');
});

test('what does not begin as AMQP is told by what it is', () => {
  const kinds = ['GET / HTTP/1.1\r\n', '\x16\x03\x01\x02\x00', 'SSH-2.0-x'].map(
    (text) => new FrameGate(1000).admit(Buffer.from(text, 'latin1'))?.kind,
  );

  assert.deepEqual(kinds, ['http', 'tls', 'no amqp']);
});
