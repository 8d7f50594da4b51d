import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { aProgram, type Program } from './program.ts';

/**
 * Another process that has the daemon's SQLite file for itself until it is killed: a database that is away (lifecycle.md
 * §25). Readers are kept out only where no daemon has the file open.
 */
export async function lockDatabase(
  t: Pick<TestContext, 'after'>,
  folder: string,
  from: 'writers' | 'everybody' = 'writers',
): Promise<Program> {
  const words = `${JSON.stringify(join(folder, 'cinder.sqlite'))}, '${from}', () => say('held')`;
  const program = aProgram(t, `const { holdLock } = await load('test/support/lock-holder.js'); holdLock(${words});`);
  await program.line();
  return program;
}
