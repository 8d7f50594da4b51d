import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, makeFolderSync } from '../../src/base/folders.ts';
import { aFolder } from '../support/folder.ts';

for (const [name, make] of [
  ['makeFolder', makeFolder],
  ['makeFolderSync', async (path: string, mode: number) => makeFolderSync(path, mode)],
] as const) {
  test(`${name} makes what is missing, leaves what is there, and says why it cannot [O-33]`, async (t) => {
    const folder = aFolder(t);
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'open'), 0o755);

    await make(join(folder, 'a/b'), 0o700);
    await make(join(folder, 'open'), 0o700);

    const modes = ['a', 'a/b', 'open'].map((path) => statSync(join(folder, path)).mode & 0o777);
    assert.deepEqual(modes, [0o700, 0o700, 0o755 & ~process.umask()]);
    await assert.rejects(make(join(folder, 'file'), 0o700), { code: 'EEXIST' });
    await assert.rejects(make(join(folder, 'file/x'), 0o700), { code: 'EEXIST' });
    // A parent that exists, and in which nothing can be made.
    await assert.rejects(make('/proc/none/x', 0o700), { code: 'ENOENT' });
  });
}
