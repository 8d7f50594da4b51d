import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../../src/cli/arguments.ts';
import { CommandError, command, type ExitCode } from '../../src/cli/command.ts';
import type { Environment } from '../../src/cli/environment.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import { anEnvironment } from '../support/terminal.ts';

async function run(
  body: (environment: Environment) => Promise<ExitCode>,
  argv: readonly string[] = [],
  more: Partial<Environment> = {},
): Promise<{ code: number; err: string }> {
  const act = command({ name: 'act', help: '', flags: {}, positionals: {}, run: (_values, context) => body(context) });
  const program = { name: 'volume-daemon', version: '1', commands: [act], backends: async () => [] } as const;
  const environment = anEnvironment('/', more);
  const invocation = await parseArguments(['act', ...argv], program);
  assert.ok(invocation.kind === 'command');
  return { code: await runCommand(invocation, environment), err: environment.stderr.text };
}

test('a command ends with its own exit code and says nothing of its own accord [ecosystem 3.1]', async () => {
  for (const code of [0, 1, 2] as const) assert.deepEqual(await run(async () => code), { code, err: '' });
});

test('what a command throws is one line without secrets, control characters or a stack [ecosystem 3.1, C-082]', async () => {
  const fail = (error: Error) => run(() => Promise.reject(error));

  assert.deepEqual(await fail(new CommandError('nobody answers', 2)), {
    code: 2,
    err: 'volume-daemon: nobody answers\n',
  });
  assert.deepEqual(await fail(new Error('a\n  b\x1b[1m mysql://u:secret@h/')), {
    code: 1,
    err: 'volume-daemon: a b\\x1b[1m mysql://u:***@h/\n',
  });
});

test('--debug adds the stack [ecosystem 3.1]', async () => {
  const { err } = await run(() => Promise.reject(new Error('broken')), ['--debug']);

  assert.match(err, /^volume-daemon: Error: broken\n {4}at /);
});

test('what ^C aborted says nothing more [ecosystem 3.1]', async () => {
  const { signal } = { signal: AbortSignal.abort() };

  assert.deepEqual(await run(() => Promise.reject(signal.reason), [], { signal }), { code: 1, err: '' });
});
