import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandInvocation, parseArguments } from '../../src/cli/arguments.ts';
import { command } from '../../src/cli/command.ts';
import { completionCommand } from '../../src/cli/completion.ts';
import { choice, integer, required, text, texts, toggle } from '../../src/cli/flags.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import type { ServeRequest } from '../../src/cli/serve-request.ts';
import type { Program } from '../../src/cli/usage.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import { anEnvironment } from '../support/terminal.ts';

const nothing = async () => 0 as const;
const commands = [
  command({
    name: 'volume create',
    help: 'Make a volume',
    flags: {
      size: required(integer(undefined, 'GiB', { min: 1, max: 1000 })),
      backend: text(undefined, 'Where'),
      hint: texts('A hint'),
      wait: toggle('Wait'),
    },
    positionals: { name: text(undefined, 'Its name') },
    output: 'show',
    run: nothing,
  }),
  command({ name: 'volume list', help: 'List volumes', flags: {}, positionals: {}, output: 'list', run: nothing }),
  command({
    name: 'volume delete',
    help: 'Delete volumes',
    flags: {},
    positionals: { volume: required(texts('Volumes')) },
    run: nothing,
  }),
  command({
    name: 'status',
    help: 'How the daemon is',
    flags: { watch: toggle('Go on'), format: choice(['table', 'json'], 'table', 'Form', { short: 'f' }) },
    positionals: {},
    run: nothing,
  }),
];
const program: Program = { name: 'volume-daemon', version: '1.2.3', commands, backends: async () => ['lvm-1', 'ceph'] };
const upstream: Program = { ...program, name: 'cinder-volume' };

async function serve(...argv: string[]): Promise<ServeRequest> {
  const invocation = await parseArguments(argv, upstream);
  assert.equal(invocation.kind, 'serve');
  return 'request' in invocation ? invocation.request : assert.fail();
}

async function refused(who: Program, ...argv: string[]): Promise<UsageError> {
  try {
    await parseArguments(argv, who);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return error;
  }
  assert.fail(`${argv.join(' ')} was not refused`);
}

async function called(...argv: string[]): Promise<CommandInvocation> {
  const invocation = await parseArguments(argv, program);
  return invocation.kind === 'command' ? invocation : assert.fail(JSON.stringify(invocation));
}

async function printed(who: Program, ...argv: string[]): Promise<string> {
  const invocation = await parseArguments(argv, who, { columns: 80 });
  return invocation.kind === 'print' ? invocation.text : assert.fail(JSON.stringify(invocation));
}

// The outcome of oslo.config 9.0.0 for the same arguments.
const values: [argv: string[], option: string, value: string][] = [
  [['--debug'], 'debug', 'true'],
  [['-dd'], 'debug', 'true'],
  [['--de'], 'debug', 'true'],
  [['--debug', '--nodebug'], 'debug', 'false'],
  [['--nod'], 'debug', 'false'],
  [['--log-file', 'a', '--log-file', 'b'], 'log_file', 'b'],
  [['--logfile=x'], 'log_file', 'x'],
  [['--log-f', 'x'], 'log_file', 'x'],
  [['--log-file='], 'log_file', ''],
  [['--log-file', '-'], 'log_file', '-'],
  [['--log-file', '-1'], 'log_file', '-1'],
  [['--log-file', '-a b'], 'log_file', '-a b'],
  [['--logd=a=b'], 'log_dir', 'a=b'],
  [['--log-config', 'x'], 'log_config_append', 'x'],
  [['--log_config', 'x'], 'log_config_append', 'x'],
  [['--use-js'], 'use_json', 'true'],
  [['--nouse-js'], 'use_json', 'false'],
  [['--state_path', '/s'], 'state_path', '/s'],
  [['--log-date-format', '%H'], 'log_date_format', '%H'],
];

for (const [argv, option, value] of values) {
  test(`takes ${argv.join(' ')} as ${option} = ${value} [config 7]`, async () => {
    const { items } = await serve(...argv);

    const last = items.findLast((item) => item.kind === 'value' && item.option === option);
    assert.equal(last?.kind === 'value' ? last.text : undefined, value);
  });
}

const refusals: [argv: string[], reason: string][] = [
  [['--debug=True'], "argument --debug/-d: ignored explicit argument 'True'"],
  [['--nodebug=1'], "argument --nodebug: ignored explicit argument '1'"],
  [['-dx'], "argument --debug/-d: ignored explicit argument 'x'"],
  [['-d=1'], "argument --debug/-d: ignored explicit argument '1'"],
  [['--debug', 'true'], 'unrecognized arguments: true'],
  [['--no-debug'], 'unrecognized arguments: --no-debug'],
  [['--log-file'], 'argument --log-file/--logfile: expected one argument'],
  [['--log-file', '-x'], 'argument --log-file/--logfile: expected one argument'],
  [['--log-file', '-1x'], 'argument --log-file/--logfile: expected one argument'],
  [['--log-file', '--'], 'argument --log-file/--logfile: expected one argument'],
  [['--log-date-format', '--debug'], 'argument --log-date-format: expected one argument'],
  [['--log_file', 'x'], 'unrecognized arguments: --log_file x'],
  [['--logFile', 'x'], 'unrecognized arguments: --logFile x'],
  [['--state-path', '/s'], 'unrecognized arguments: --state-path /s'],
  [['--a.b=1'], 'unrecognized arguments: --a.b=1'],
  [['--use-j'], 'ambiguous option: --use-j could match --use-journal, --use-json'],
  [['pos'], 'unrecognized arguments: pos'],
  [['--', '--debug'], 'unrecognized arguments: -- --debug'],
  [['-1'], 'unrecognized arguments: -1'],
  [['-'], 'unrecognized arguments: -'],
  [['--bogus', 'x', '--debug', 'y'], 'unrecognized arguments: --bogus x y'],
  [['volume', 'list'], 'unrecognized arguments: volume list'],
];

for (const [argv, reason] of refusals) {
  test(`refuses ${argv.join(' ')} as argparse does [L-001, L-005, config 7.1]`, async () => {
    const error = await refused(upstream, ...argv);

    assert.equal(error.exitCode, 2);
    assert.match(error.text, /^usage: cinder-volume \[-h\] /);
    assert.ok(error.text.endsWith(`\ncinder-volume: error: ${reason}\n`), error.text);
  });
}

test('files, folders and values keep the order in which they stand [C-004, C-010]', async () => {
  const { items, args } = await serve('--config-file', 'a', '--debug', '--config-dir=d', '--config-file', 'b');

  assert.deepEqual(items, [
    { kind: 'file', path: 'a' },
    { kind: 'value', option: 'debug', text: 'true', spelled: '--debug' },
    { kind: 'directory', path: 'd' },
    { kind: 'file', path: 'b' },
  ]);
  assert.deepEqual(args, ['--config-file', 'a', '--debug', '--config-dir=d', '--config-file', 'b']);
});

test('orders are told apart from options of the configuration [L-010, L-035, L-050, L-070]', async () => {
  const { embedded, ignored, items } = await serve('--embedded', '--backend_host', 'h', '--backend_n=x');

  assert.deepEqual([embedded, ignored, items], [true, ['--backend_host', '--backend_name'], []]);
  assert.equal((await parseArguments(['--check-config'], upstream)).kind, 'check');
});

test('--version and --help end the reading where they stand [L-004, L-005]', async () => {
  assert.equal(await printed(upstream, '--version', '--bogus'), '1.2.3\n');
  assert.match(await printed(upstream, '-dh'), /^usage: cinder-volume \[options\]\n\nOptions:\n/);
  assert.match(await printed(upstream, '--bogus', '--help'), /--log-file, --logfile +Log file/);
  await refused(upstream, '--log-file', '--help');
});

test('the help of volume-daemon has its commands, that of a command its own options [ecosystem 3.1]', async () => {
  const [all, group, one] = [
    await printed(program, '--help'),
    await printed(program, 'volume', '--help'),
    await printed(program, 'volume', 'create', '-h'),
  ];

  assert.match(all, /^usage: volume-daemon \[options\]\n {7}volume-daemon COMMAND \[options\]\n\nCommands:\n/);
  assert.match(all, /volume-daemon volume delete VOLUME {8}Delete volumes\n {2}\[VOLUME \.\.\.\]\n/);
  assert.doesNotMatch(group, /status|--log-file/);
  assert.match(one, /^usage: volume-daemon volume create .*\n[\s\S]*\n\nMake a volume\n\nPositionals:\n {2}NAME /);
  assert.match(one, /--size +GiB +\[number\] \[required\]/);
});

test('under the other name the first word may be a command, behind options too [L-001, ecosystem 3.1]', async () => {
  const { command, values, request, debug } = await called(
    '--config-file',
    'c',
    'volume',
    '--embedded',
    'create',
    '-d',
    '--size=3',
    'demo',
  );

  assert.equal(command.name, 'volume create');
  assert.deepEqual(values, { size: 3, backend: undefined, hint: [], wait: false, name: 'demo' });
  assert.deepEqual([request.embedded, debug], [true, true]);
  assert.deepEqual(request.items[0], { kind: 'file', path: 'c' });
});

test('options of a command follow the same rules [config 7.1, ecosystem 3.1]', async () => {
  const { values, output } = await called(
    ...['volume', 'create', '--siz', '+7', '--size', '8', '--hint', 'a', '--hint=b=c', '--wait', '--wait'],
    ...['-fjson', '-c', 'id', '-cname', '--', '-x'],
  );

  assert.deepEqual(values, { size: 8, backend: undefined, hint: ['a', 'b=c'], wait: true, name: '-x' });
  assert.deepEqual([output.format, output.columns], ['json', ['id', 'name']]);
});

test('words behind -- are arguments, whatever they look like [config 7.1]', async () => {
  const { values } = await called('volume', 'delete', '1', '-5', '--', '--help', '-c', 'a b', '');

  assert.deepEqual(values, { volume: ['1', '-5', '--help', '-c', 'a b', ''] });
});

test('options of output come from cliff’s variables where they are not given [ecosystem 3.2]', async () => {
  const env = { CLIFF_MAX_TERM_WIDTH: '90', CLIFF_FIT_WIDTH: '1' };
  const list = async (...argv: string[]) => {
    const invocation = await parseArguments(['volume', 'list', ...argv], program, { env });
    return invocation.kind === 'command' ? invocation.output : assert.fail();
  };

  const [byVariable, byOption] = [
    await list(),
    await list('--max-width', '0', '--sort-column', 'A', '--sort-descending'),
  ];

  assert.deepEqual([byVariable.maxWidth, byVariable.fitWidth, byVariable.descending], [90, true, false]);
  assert.deepEqual([byOption.maxWidth, byOption.sortColumns, byOption.descending], [0, ['A'], true]);
});

const commandRefusals: [argv: string[], reason: string][] = [
  [['volume', 'create', 'x'], 'the following arguments are required: --size'],
  [['volume', 'delete'], 'the following arguments are required: VOLUME'],
  [['volume', 'create', '--size', '1.5'], "argument --size: invalid int value: '1.5'"],
  [['volume', 'create', '--size', '0x10'], "argument --size: invalid int value: '0x10'"],
  [['volume', 'create', '--size='], "argument --size: invalid int value: ''"],
  [['volume', 'create', '--size', '-1'], 'argument --size: must be at least 1, not -1'],
  [['volume', 'create', '--size', '1000000000000'], 'argument --size: must be at most 1000, not 1000000000000'],
  [['volume', 'create', '--size', '1', 'a', 'b'], 'unrecognized arguments: b'],
  [['status', '-f', 'xml'], "argument -f/--format: invalid choice: 'xml' (choose from 'table', 'json')"],
  [['status', '--wat=1'], "argument --watch: ignored explicit argument '1'"],
  [['status', '--log-file', 'x'], 'unrecognized arguments: --log-file x'],
  [['--log-file', 'x', 'status'], 'argument --log-file: not allowed with a command'],
];

for (const [argv, reason] of commandRefusals) {
  test(`refuses ${argv.join(' ')} [L-005, ecosystem 3.1]`, async () => {
    const error = await refused(program, ...argv);

    assert.match(error.text, /^usage: volume-daemon \w/);
    assert.ok(error.text.endsWith(`: error: ${reason}\n`), error.text);
  });
}

test('an unknown command names those that may be meant [L-005, ecosystem 3.1]', async () => {
  const told = async (...argv: string[]) => (await refused(program, ...argv)).text;
  const unknown = (typed: string) =>
    `volume-daemon: '${typed}' is not a volume-daemon command. See 'volume-daemon --help'.\n`;

  assert.equal(await told('statsu'), `${unknown('statsu')}Did you mean one of these?\n  status\n`);
  assert.equal(
    await told('volume', 'craete'),
    `${unknown('volume craete')}Did you mean one of these?\n  volume create\n`,
  );
  assert.equal(
    await told('volume'),
    `${unknown('volume')}Did you mean one of these?\n  volume create\n  volume list\n  volume delete\n`,
  );
  assert.equal(
    await told('vol', 'list'),
    `${unknown('vol')}Did you mean one of these?\n  volume create\n  volume delete\n  volume list\n`,
  );
  assert.equal(await told('frobnicate'), unknown('frobnicate'));
});

test('what may follow is asked with yargs’ words and answered line by line [ecosystem 3.3]', async () => {
  const ask = async (...words: string[]) =>
    (await printed(program, '--get-yargs-completions', 'volume-daemon', ...words)).split('\n').slice(0, -1);

  assert.deepEqual(await ask(''), ['volume', 'status']);
  assert.deepEqual(await ask('--config-file', 'x', 'volume', ''), ['create', 'list', 'delete']);
  assert.deepEqual(await ask('vol'), ['volume']);
  assert.deepEqual(await ask('volume', 'create', '--s'), ['--state_path', '--size']);
  assert.deepEqual(await ask('--log-f'), ['--log-file']);
  assert.deepEqual(await ask('status', '-f', 'j'), ['json']);
  assert.deepEqual(await ask('volume', 'create', '--backend', 'l'), ['lvm-1']);
  assert.deepEqual(await ask('volume', 'create', '--backend=l'), ['--backend=lvm-1']);
  assert.deepEqual(await ask('volume', 'create', '--backend', '=', 'l'), ['lvm-1']);
  assert.deepEqual(await ask('volume', 'create', '--backend', '='), ['lvm-1', 'ceph']);
  assert.deepEqual(await ask('volume', 'create', '--config-file', '=', 'x', '--siz'), ['--size']);
  assert.deepEqual(await ask('volume', 'create', '--config-file', ''), []);
  assert.deepEqual(await ask('nosuch', ''), []);
});

test('completion prints a script that asks the program as it was typed, and leaves the variables alone [ecosystem 3.3]', async () => {
  const before = process.env['SHELL'];
  const own: Program = { ...program, commands: [...commands, completionCommand(() => own)] };
  const script = async (shell: string) => {
    const invocation = await parseArguments(['completion', shell], own);
    const environment = anEnvironment('/', { env: process.env });
    assert.equal(invocation.kind === 'command' ? await runCommand(invocation, environment) : undefined, 0);
    return environment.stdout.text;
  };

  const [bash, zsh, fish] = [await script('bash'), await script('zsh'), await script('fish')];

  assert.match(
    bash,
    /^###-begin-volume-daemon-completions-###\n[\s\S]*"\$COMP_WORDS" --get-yargs-completions "\$\{args\[@\]\}"/,
  );
  assert.match(zsh, /^#compdef volume-daemon\n[\s\S]*"\$words\[1\]" --get-yargs-completions/);
  assert.match(fish, /complete -c volume-daemon /);
  assert.equal(process.env['SHELL'], before);
  await refused(own, 'completion', 'csh');
});
