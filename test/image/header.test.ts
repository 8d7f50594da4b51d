import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { readHeader } from '../../src/image/header.ts';
import { aFolder } from '../support/folder.ts';
import { qcow2Bytes, vmdkBytes, vmdkDescriptor } from '../support/image-bytes.ts';

const allowed = ['streamOptimized', 'monolithicSparse'];

async function look(t: TestContext, bytes: Buffer, kinds: readonly string[] = allowed) {
  const file = join(aFolder(t), 'image');
  await writeFile(file, bytes);
  return readHeader(file, kinds);
}

const failed = 'Image/Volume failed safety check';

test('a qcow2 image that stands alone is safe; with other files, or with what is not known, it is not [S-51]', async (t) => {
  const cases: [Buffer, string | undefined][] = [
    [qcow2Bytes(), undefined],
    [qcow2Bytes({ version: 2 }), undefined],
    [qcow2Bytes({ features: 0b11011n }), undefined],
    [qcow2Bytes({ backing: '/etc/passwd' }), 'fmt=qcow2 backed by: /etc/passwd'],
    [qcow2Bytes({ version: 2, backing: 'nbd://10.0.0.1/x' }), 'fmt=qcow2 backed by: nbd://10.0.0.1/x'],
    [qcow2Bytes({ features: 4n }), 'A qcow2 format image is not allowed to have a data file'],
    [qcow2Bytes({ features: 1n << 5n }), failed],
    [qcow2Bytes({ features: 1n << 63n }), failed],
    [qcow2Bytes({ version: 1 }), failed],
    [qcow2Bytes({ version: 4 }), failed],
    [qcow2Bytes().subarray(0, 60), failed],
  ];

  for (const [bytes, danger] of cases) {
    assert.deepEqual(await look(t, bytes), { format: 'qcow2', ...(danger === undefined ? {} : { danger }) });
  }
});

test('of VMDK only the allowed kinds are taken, and only with everything in the one file [S-51, manager 4.5]', async (t) => {
  const good = vmdkDescriptor('monolithicSparse');
  const cases: [Buffer, string | undefined][] = [
    [vmdkBytes(good), undefined],
    [vmdkBytes(vmdkDescriptor('streamOptimized'), { version: 3 }), undefined],
    [vmdkBytes(vmdkDescriptor('monolithicFlat')), 'Invalid VMDK create-type specified'],
    [vmdkBytes(vmdkDescriptor('x').replace(/createType.*/, '')), 'Unable to determine VMDK createType'],
    [vmdkBytes(`${good}createType="monolithicFlat"\n`), 'Unable to determine VMDK createType'],
    [vmdkBytes(vmdkDescriptor('monolithicSparse', 'RW 1 FLAT "/etc/passwd" 0')), failed],
    [vmdkBytes(vmdkDescriptor('monolithicSparse', '')), failed],
    [vmdkBytes(`${good}parentFileNameHint="base.vmdk"\n`), failed],
    [vmdkBytes(`${good}something else\n`), failed],
    [vmdkBytes(`${good}\0createType="vmfs"`), failed],
    [vmdkBytes(good, { capacity: 0n }), failed],
    [vmdkBytes(good, { directory: 2n ** 64n - 1n }), failed],
    [vmdkBytes(good, { version: 4 }), failed],
    [vmdkBytes(good, { at: 9n }), failed],
    [vmdkBytes(good).subarray(0, 100), failed],
  ];

  for (const [bytes, danger] of cases) {
    assert.deepEqual(await look(t, bytes), { format: 'vmdk', ...(danger === undefined ? {} : { danger }) });
  }
  assert.equal((await look(t, vmdkBytes(good), [])).danger, 'Image is a VMDK, but no VMDK createType is allowed');
});

test('the other formats are told by their magic, QED and differencing VHD are refused, and what is none is raw [S-51]', async (t) => {
  const padded = (text: string): Buffer => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(4096)]);
  const differencing = padded('conectix');
  differencing.writeUInt32BE(4, 60);
  const vdi = Buffer.alloc(1024);
  vdi.writeUInt32LE(0xbeda107f, 64);

  assert.deepEqual(await look(t, padded('QED\0')), { format: 'qed', danger: failed });
  assert.deepEqual(await look(t, padded('conectix')), { format: 'vpc' });
  assert.deepEqual(await look(t, differencing), { format: 'vpc', danger: failed });
  assert.deepEqual(await look(t, padded('vhdxfile')), { format: 'vhdx' });
  assert.deepEqual(await look(t, vdi), { format: 'vdi' });
  assert.deepEqual(await look(t, Buffer.alloc(0)), { format: 'raw' });
  // A descriptor alone would be opened by qemu as a VMDK, with all the files that it names.
  assert.deepEqual(await look(t, Buffer.from(vmdkDescriptor('monolithicFlat'))), { format: 'raw' });
});

test('whatever the bytes are, there is an answer [S-51]', async (t) => {
  const file = join(aFolder(t), 'image');
  const magic = fc.constantFrom('QFI\xfb', 'KDMV', 'conectix', 'vhdxfile', 'QED\0', '');

  await fc.assert(
    fc.asyncProperty(magic, fc.uint8Array({ maxLength: 700 }), async (begin, rest) => {
      await writeFile(file, Buffer.concat([Buffer.from(begin, 'latin1'), rest]));
      assert.ok((await readHeader(file, allowed)).format);
    }),
    { numRuns: 200 },
  );
});
