import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createExecutor, type ExecutorSettings } from '../../src/exec/run.ts';
import { ProcessExecutionError } from '../../src/interface/executor.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { aLogger } from '../support/recording-logger.ts';
import { repository } from '../support/repository.ts';

function anExecutor(settings: Partial<ExecutorSettings> = {}) {
  const logger = aLogger();
  const environment = { PATH: process.env['PATH'], HOME: '/nowhere' };
  const exec = createExecutor({ environment, rootHelper: ['sudo', 'wrap', 'conf'], logger, grace: 200, ...settings });
  return { exec, logger };
}

const script = (text: string): readonly string[] => ['-c', text];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('hands arguments over as they are, with LC_ALL=C and no input [style 10]', async () => {
  const { exec } = anExecutor();
  const args = ['a b', '$HOME', "it's", '*', ''];

  const { stdout } = await exec.run(
    'sh',
    [...script('printf "<%s>" "$@"; echo "$LC_ALL $HOME $EXTRA"; cat'), 'sh', ...args],
    {
      env: { EXTRA: 'more' },
    },
  );

  assert.equal(stdout, "<a b><$HOME><it's><*><>C /nowhere more\n");
});

test('writes input, reports output as it comes, and keeps both streams apart', async () => {
  const { exec } = anExecutor();
  const seen: string[] = [];

  const result = await exec.run('sh', script('cat; echo problem >&2'), {
    input: 'grüße',
    onStdout: (text) => seen.push(text),
  });

  assert.deepEqual(
    { ...result, seen: seen.join('') },
    { exitCode: 0, stdout: 'grüße', stderr: 'problem\n', seen: 'grüße' },
  );
});

test('a child that does not read its input is no failure', async () => {
  const { exec } = anExecutor();

  const { exitCode } = await exec.run('true', [], { input: 'x'.repeat(2 ** 20) });

  assert.equal(exitCode, 0);
});

test('another exit code than expected is an error with command, code and output', async () => {
  const { exec } = anExecutor();

  const failed = exec.run('sh', script('echo out; echo err >&2; exit 5'));

  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof ProcessExecutionError);
    assert.deepEqual([error.exitCode, error.stdout, error.stderr], [5, 'out\n', 'err\n']);
    assert.match(error.message, /Command: sh -c .*\nExit code: 5/);
    return true;
  });
  assert.equal((await exec.run('sh', script('exit 5'), { exitCodes: [0, 5] })).exitCode, 5);
});

test('a child that a signal ended has a negative exit code, as in Python', async () => {
  const { exec } = anExecutor();

  await assert.rejects(exec.run('sh', script('kill -9 $$')), { exitCode: -9 });
});

test('a program that is not there has no exit code, and the error says what to look for', async () => {
  const { exec } = anExecutor();

  await assert.rejects(exec.run('no-such-program', []), { exitCode: undefined, message: /not installed, or not on/ });
  await assert.rejects(exec.start('no-such-program', []), { exitCode: undefined, message: /not installed/ });
});

test('an abort ends the child and its children before it rejects [S-18]', async (t) => {
  const { exec } = anExecutor();
  const pids = join(aFolder(t), 'pids');
  const stop = new AbortController();
  const running = exec.run('sh', script(`sleep 100 & echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; wait`), {
    signal: stop.signal,
  });
  const [child = 0, grandchild = 0] = await eventually('the children run', () => numbersIn(pids));

  stop.abort();

  await assert.rejects(running, { name: 'AbortError' });
  assert.equal(isAlive(child), false);
  // Its files are closed by then, which is what we wait for; the kernel may still be at its exit.
  await eventually('the grandchild is gone', () => !isAlive(grandchild), 2000);
});

test('a child that ignores SIGTERM is killed after the grace', async (t) => {
  const { exec } = anExecutor();
  const pids = join(aFolder(t), 'pids');
  const stop = new AbortController();
  const running = exec.run('sh', script(`trap '' TERM; echo $$ > ${pids}; while :; do sleep 0.05; done`), {
    signal: stop.signal,
  });
  const [child = 0] = await eventually('the child runs', () => numbersIn(pids));

  stop.abort(new Error('no longer wanted'));

  await assert.rejects(running, /no longer wanted/);
  assert.equal(isAlive(child), false);
});

test('nothing is started for a signal that has aborted', async (t) => {
  const { exec } = anExecutor();
  const mark = join(aFolder(t), 'mark');

  await assert.rejects(exec.run('touch', [mark], { signal: AbortSignal.abort() }), { name: 'AbortError' });

  assert.throws(() => statSync(mark), { code: 'ENOENT' });
});

test('a child that takes too long or writes too much is stopped, and the error says so', async () => {
  const { exec } = anExecutor();

  await assert.rejects(exec.run('sleep', ['100'], { timeout: 20 }), { exitCode: -15, message: /longer than allowed/ });
  await assert.rejects(exec.run('cat', ['/dev/zero'], { maxOutput: 100_000 }), /more output than allowed/);
});

test('a child that leaves a daemon with its output open does not keep the caller', async () => {
  const { exec } = anExecutor();

  const { stdout } = await exec.run('sh', script('sleep 60 & echo $!'));

  process.kill(Number(stdout), 'SIGKILL');
  assert.match(stdout, /^\d+\n$/);
});

test('logs each command before and after, without its secrets [G-091]', async () => {
  const { exec, logger } = anExecutor();
  const args = ['-c', 'echo "no such user hunter2" >&2; exit 3', 'sh', '--user', 'me', '--password', 'x y', 'hunter2'];

  const failed = exec.run('sh', args, { secrets: ['hunter2'] });

  await assert.rejects(failed, (error: ProcessExecutionError) => {
    assert.match(error.message, /no such user \*\*\*/);
    assert.doesNotMatch(`${error.message}${error.command}${error.stderr}`, /hunter2|x y/);
    return true;
  });
  assert.equal(logger.lines.length, 2);
  assert.match(
    logger.lines[0] ?? '',
    /^DEBUG Running cmd \(subprocess\): sh -c .* --user me --password \*\*\* \*\*\*$/,
  );
  assert.match(logger.lines[1] ?? '', /^DEBUG CMD "sh .*" returned: 3 in [\d.]+s$/);
  assert.doesNotMatch(logger.lines.join('\n'), /hunter2|x y/);
});

test('a command that needs root runs by the root helper, unless we are root [S-50, L-030]', async () => {
  const helper = { rootHelper: ['echo', 'helper'] };
  const ordinary = anExecutor({ ...helper, uid: 1000 }).exec;
  const root = anExecutor({ ...helper, uid: 0 }).exec;

  assert.equal((await ordinary.run('printf', ['x'], { asRoot: true })).stdout, 'helper printf x\n');
  assert.equal((await ordinary.run('printf', ['x'])).stdout, 'x');
  assert.equal((await root.run('printf', ['x'], { asRoot: true })).stdout, 'x');
});

test('programs are found below the system folders, also with a PATH that lacks them', async () => {
  const { exec } = anExecutor({ environment: { PATH: '/nowhere' } });

  assert.match((await exec.find('sh')) ?? '', /\/bin\/sh$/);
  assert.equal(await exec.find('no-such-program'), undefined);
  assert.equal(await exec.find('/etc/passwd'), undefined);
  assert.equal((await exec.run('echo', ['found'])).stdout, 'found\n');
});

test('a bulk command stands back behind others', async (t) => {
  const { exec } = anExecutor();
  if ((await exec.find('nice')) === undefined) return t.skip('this machine has no nice');

  const { stdout } = await exec.run('nice', [], { background: true });

  assert.equal(stdout, `${Math.min(19, getPriority() + 10)}\n`);
});

test('a bulk command ends when its parent is killed', async (t) => {
  const { exec } = anExecutor();
  if ((await exec.find('setpriv')) === undefined) return t.skip('this machine has no setpriv');
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { createExecutor } from '${pathToFileURL(join(repository, 'build/src/exec/run.js'))}';
     const logger = { debug() {} };
     const exec = createExecutor({ environment: process.env, rootHelper: [], logger });
     const onStdout = (text) => process.stdout.write(text);
     await exec.run('sh', ['-c', 'echo $$; exec sleep 100'], { background: true, onStdout });`,
  ]);
  const [pid] = await once(parent.stdout, 'data');

  parent.kill('SIGKILL');

  await eventually('the child is gone', () => !isAlive(Number(pid)));
});

test('a program that was started goes on, takes input, and tells how it ended', async (t) => {
  const { exec } = anExecutor();
  const output = join(aFolder(t), 'output');

  const program = await exec.start('sh', script('read line; echo "got $line"; sleep 100'), { output });
  program.write('hello\n');
  await eventually('it answered', () => readFileSync(output, 'utf8') === 'got hello\n');
  program.kill('SIGTERM');

  assert.deepEqual(await program.exited, { code: null, signal: 'SIGTERM' });
  assert.equal(statSync(output).mode & 0o777, 0o600);
  assert.equal(program.write('more'), false);
});

test('writing to a program that has ended is no error', async () => {
  const { exec } = anExecutor();
  const program = await exec.start('true', []);
  const ended = await program.exited;

  assert.deepEqual(ended, { code: 0, signal: null });
  assert.equal(program.write('text'), false);
  program.kill('SIGTERM');
});

function numbersIn(file: string): number[] | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.endsWith('\n') ? text.trim().split(' ').map(Number) : undefined;
  } catch {
    return undefined;
  }
}
