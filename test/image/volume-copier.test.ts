import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { createExecutor } from '../../src/exec/run.ts';
import { volumeCopier } from '../../src/image/volume-copier.ts';
import type { Executor } from '../../src/interface/executor.ts';

const MiB = 2 ** 20;
const exec = createExecutor({ environment: process.env, rootHelper: [], logger: silent });
const options = { signal: AbortSignal.timeout(60_000), progress: () => {} };

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'copier-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** 8 MiB that begin with a text and are a hole from there on. */
function aSource(folder: string): string {
  const path = join(folder, 'source');
  writeFileSync(path, 'the data');
  truncateSync(path, 8 * MiB);
  return path;
}

/** 8 MiB of old data. */
function aTarget(folder: string): string {
  const path = join(folder, 'target');
  writeFileSync(path, Buffer.alloc(8 * MiB, 'old '));
  return path;
}

test('a copy reads as its source, whatever stood there, and its holes are holes [manager 9.5]', async (t) => {
  if ((await exec.find('qemu-img')) === undefined) return t.skip('qemu-img is not installed');
  const folder = aFolder(t);
  const [source, target] = [aSource(folder), aTarget(folder)];
  let told = 0;

  await volumeCopier(exec, tmpdir()).copy(
    { path: source, format: 'raw' },
    { path: target, format: 'raw' },
    { ...options, progress: (done) => (told = done) },
  );

  assert.ok(readFileSync(target).equals(readFileSync(source)));
  assert.ok(statSync(target).blocks * 512 < 2 * MiB, 'holes were filled');
  assert.equal(told, 100);
});

test('each side keeps its format [manager 9.5]', async (t) => {
  if ((await exec.find('qemu-img')) === undefined) return t.skip('qemu-img is not installed');
  const folder = aFolder(t);
  const [source, target] = [aSource(folder), join(folder, 'target.qcow2')];
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', target, String(8 * MiB)]);

  const copier = volumeCopier(exec, tmpdir());
  await copier.copy({ path: source, format: 'raw' }, { path: target, format: 'qcow2' }, options);

  const { format } = JSON.parse(String(execFileSync('qemu-img', ['info', '--output=json', target]))) as {
    format: string;
  };
  assert.equal(format, 'qcow2');
  execFileSync('qemu-img', ['compare', '-q', '-f', 'raw', '-F', 'qcow2', source, target]);
});

test('without qemu-img what is raw is copied all the same [manager 9.5]', async (t) => {
  const folder = aFolder(t);
  const [source, target] = [aSource(folder), aTarget(folder)];
  const poor: Executor = { ...exec, find: async () => undefined };

  await volumeCopier(poor, tmpdir()).copy({ path: source, format: 'raw' }, { path: target, format: 'raw' }, options);

  assert.ok(readFileSync(target).equals(readFileSync(source)));
});
