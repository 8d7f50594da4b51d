import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { naming } from '../../src/base/file-error.ts';

test('a full disk is told with the file that did not fit [O-33]', {
  skip: !(await hasFull()) && 'no /dev/full',
}, async () => {
  const write = async (): Promise<void> => {
    const file = await open('/dev/full', 'w');
    await file.writeFile('x').finally(() => file.close());
  };

  await assert.rejects(naming('/a/file', write), {
    code: 'ENOSPC',
    path: '/a/file',
    message: "ENOSPC: no space left on device, write '/a/file'",
  });
});

test('an error that names its path, and any other, stays as it is', async () => {
  await assert.rejects(
    naming('/a/file', () => open('/none/file')),
    { message: "ENOENT: no such file or directory, open '/none/file'" },
  );
  await assert.rejects(
    naming('/a/file', () => Promise.reject(new Error('other'))),
    { message: 'other' },
  );
  assert.equal(await naming('/a/file', async () => 7), 7);
});

function hasFull(): Promise<boolean> {
  return open('/dev/full', 'r').then(
    (file) => file.close().then(() => true),
    () => false,
  );
}
