import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sparseCopy } from '../../src/drivers/sparse-copy.ts';
import type { Executor } from '../../src/interface/executor.ts';
import { driverParts } from '../support/driver-parts.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

const MiB = 2 ** 20;
const never = new AbortController().signal;

/** A file of 256 MiB with 8 MiB of data in it, and a place for its copy. */
async function aSource(t: TestContext) {
  const folder = aFolder(t);
  const [source, copy] = [join(folder, 'source'), join(folder, 'copy')];
  const handle = await open(source, 'w');
  await handle.truncate(256 * MiB);
  for (let i = 0; i < 8; i++) await handle.write(Buffer.alloc(MiB, 65 + i), 0, MiB, i * 32 * MiB + MiB);
  await handle.sync();
  await handle.close();
  return { source, copy, exec: driverParts(folder).exec };
}

/** An Executor whose commands do what `run` says. */
function acting(run: (file: string, args: readonly string[], signal: AbortSignal) => Promise<void>): Executor {
  return {
    async run(file, args, options) {
      await run(file, args, options?.signal ?? never);
      return { exitCode: 0, stdout: '', stderr: '' };
    },
    start: () => assert.fail(),
    find: async () => undefined,
  };
}

async function append(file: string, flags: string, text: string, at: number): Promise<void> {
  const handle: FileHandle = await open(file, flags);
  await handle.write(Buffer.from(text), 0, text.length, at);
  await handle.close();
}

test('a copy has the same bytes, and holes where the source has them [S-30]', async (t) => {
  const { source, copy, exec } = await aSource(t);
  const seen: [number, number][] = [];

  await sparseCopy(exec, source, copy, { signal: never, progress: (done, total) => seen.push([done, total]) });

  assert.ok((await readFile(copy)).equals(await readFile(source)));
  assert.ok(statSync(copy).blocks <= statSync(source).blocks + 16);
  const [done, total] = seen.at(-1) ?? assert.fail();
  assert.deepEqual([done, total], [total, statSync(source).blocks * 512]);
});

test('blocks of zeros become holes too [S-30]', async (t) => {
  const { source, copy, exec } = await aSource(t);
  await append(source, 'r+', '\0'.repeat(4 * MiB), 200 * MiB);

  await sparseCopy(exec, source, copy, { signal: never, progress: () => {} });

  assert.ok(statSync(copy).blocks <= statSync(source).blocks - 4 * 2048);
});

test('tells how far it has come while it copies', async (t) => {
  const { source, copy } = await aSource(t);
  const seen: number[] = [];
  const exec = acting(async (_file, args) => {
    await append(args.at(-1) ?? '', 'w', 'x'.repeat(MiB), 0);
    await eventually('somebody is told', () => seen.some((done) => done >= MiB));
  });

  await sparseCopy(exec, source, copy, { signal: never, progress: (done) => seen.push(done), lookEvery: 5 });

  assert.ok(seen.every((done, i) => done >= (seen[i - 1] ?? 0)));
  assert.ok(seen.some((done) => done > 0 && done < 8 * MiB));
});

test('stops as soon as somebody writes to the source: the copy would be of no moment [S-31]', async (t) => {
  const { source, copy } = await aSource(t);
  const exec = acting(async (_file, args, signal) => {
    await append(args.at(-1) ?? '', 'w', 'x', 0);
    await append(source, 'r+', 'new', 0);
    await eventually('it is stopped', () => signal.aborted);
    throw signal.reason;
  });

  const copying = sparseCopy(exec, source, copy, { signal: never, progress: () => {}, lookEvery: 5 });

  await assert.rejects(copying, /source was written to while it was copied/);
});

test('a write that nobody saw while copying is found at the end', async (t) => {
  const { source, copy } = await aSource(t);
  const exec = acting(async (_file, args) => {
    await append(args.at(-1) ?? '', 'w', 'x', 0);
    await append(source, 'r+', 'new', 0);
  });

  const copying = sparseCopy(exec, source, copy, { signal: never, progress: () => {}, lookEvery: 60_000 });

  await assert.rejects(copying, /was written to while/);
});
