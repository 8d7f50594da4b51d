import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { repository } from './repository.ts';

/** Gives an order and resolves to its result; rejects with what Python raised. */
export type Ask = (order: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** A program of test/system that takes orders as lines of JSON and answers each with a line, run by Debian's own python. */
export async function aPythonPeer(t: Pick<TestContext, 'after'>, script: string, ...args: string[]): Promise<Ask> {
  // What it imports from beside it is not to be compiled into the repository.
  const words = ['-B', join(repository, 'test/system', script), ...args];
  const child = spawn('/usr/bin/python3', words, { stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => {
    told = (told + chunk).slice(-2000);
  });
  const lines = createInterface(child.stdout);
  const ended = once(child, 'exit').then(() => undefined);
  const answer = async (): Promise<unknown> => {
    const line = await Promise.race([once(lines, 'line'), ended]);
    if (line === undefined) throw new Error(`the peer ended: ${told}`);
    return JSON.parse(String(line[0]));
  };
  assert.equal(await answer(), 'ready');
  return async (order) => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    const { result, error } = (await answer()) as { result?: unknown; error?: string };
    if (error !== undefined) throw new Error(`${order['do']}: ${error}`);
    return result;
  };
}
