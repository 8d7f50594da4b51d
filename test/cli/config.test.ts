import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseArguments } from '../../src/cli/arguments.ts';
import { backendNames, type ConfigKnowledge } from '../../src/cli/config.ts';
import { configCommands } from '../../src/cli/config-commands.ts';
import { runCommand } from '../../src/cli/run-command.ts';
import type { Program } from '../../src/cli/usage.ts';
import { choice, float, int, list, str } from '../../src/interface/options.ts';
import { aFolder } from '../support/configuration.ts';
import { anEnvironment } from '../support/terminal.ts';

const defaults = {
  group: 'DEFAULT',
  options: {
    enabled_backends: list([], ''),
    report_interval: int(10, 'Seconds between heartbeats.'),
    ratio: float(1, ''),
    transport_url: str('rabbit://', '', { secret: true }),
    state_path: str('/s', ''),
    host: str(undefined, ''),
  },
};
const general = { volume_driver: str('lvm', ''), volume_clear: choice(['none', 'zero'], 'zero', '') };
const ceph = { rbd_max_clone_depth: int(5, ''), rbd_pool: str('rbd', ''), rbd_secret_uuid: str(undefined, '') };
const drivers: Record<string, { label: string; options: ConfigKnowledge['schema']['backend'][number] }> = {
  lvm: { label: 'LVM', options: {} },
  rbd: { label: 'RBD', options: ceph },
};
const knowledge: ConfigKnowledge = {
  schema: { groups: [defaults], backend: [general] },
  driverOf: async (backend) => drivers[backend.text('volume_driver') ?? 'lvm'],
  tryEnvironment: async () => ['database: no answer'],
};
const commands = configCommands(async () => knowledge);
const program: Program = { name: 'volume-daemon', version: '1', commands, backends: async () => [] };

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in a folder with these files; `DIR` stands for the folder in what comes out. */
async function run(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const folder = aFolder(t, files);
  const environment = anEnvironment(folder, { env });
  const invocation = await parseArguments(argv, program);
  assert.ok(invocation.kind === 'command');
  const code = await runCommand(invocation, environment);
  const [out, err] = [environment.stdout.text, environment.stderr.text].map((text) => text.replaceAll(folder, 'DIR'));
  return { code, out: out ?? '', err: err ?? '' };
}

test('config check tells the backends that would start, and exits 0 [L-010, ecosystem 3.3]', async (t) => {
  const text = '[DEFAULT]\nenabled_backends = lvm-1,ceph\n[lvm-1]\n[ceph]\nvolume_driver = rbd\nrbd_pool = p\n';

  const outcome = await run(t, { 'cinder.conf': text }, ['config', 'check']);

  assert.deepEqual(outcome, { code: 0, out: '2 backends: lvm-1 (LVM), ceph (RBD)\n', err: '' });
});

test('config check tells everything that is wrong, with its place, and exits 1 [L-010, L-104, C-075, ecosystem 3.3]', async (t) => {
  const text = `[DEFAULT]
volume_clear = none
report_interval = soon
transport_url = rabbit://u:hidden$nosuch@h/
enabled_backends = lvm-1, ceph, lvm-2, odd
[lvm-1]
[ceph]
volume_driver = rbd
rbd_max_clone_depth = five
[odd]
volume_driver = cinder.volume.drivers.odd.Driver
[backend_defaults]
volume_clear = shred
`;

  const { code, out, err } = await run(t, { 'cinder.conf': text }, ['config', 'check']);

  assert.deepEqual(out.split('\n'), [
    "DIR/cinder.conf:3: [DEFAULT] report_interval = soon: invalid literal for int() with base 10: 'soon'",
    'DIR/cinder.conf:4: [DEFAULT] transport_url = ***: unknown reference $***; a literal $ is written as $$',
    "DIR/cinder.conf:13: [backend_defaults] volume_clear = shred: Valid values are [none, zero], but found 'shred'",
    "DIR/cinder.conf:9: [ceph] rbd_max_clone_depth = five: invalid literal for int() with base 10: 'five'",
    "DIR/cinder.conf:5: [DEFAULT] enabled_backends names 'lvm-2', but there is no section [lvm-2]",
    'DIR/cinder.conf:11: [odd] volume_driver = cinder.volume.drivers.odd.Driver: this daemon has no such driver',
    'DIR/cinder.conf:2: [DEFAULT] volume_clear has no effect here, move it to [backend_defaults]  (warning)',
    '6 problems, 1 warning; 0 of 4 backends would start',
    '',
  ]);
  assert.deepEqual([code, err], [1, '']);
});

test('--debug adds what each backend works with, and where that stands [C-075]', async (t) => {
  const text =
    '[DEFAULT]\nenabled_backends = ceph\n[ceph]\nvolume_driver = rbd\nrbd_max_clone_depth = 0_7\nsan_password = x\n';
  const files = { 'cinder.conf': `${text}[backend_defaults]\nvolume_clear = none\n` };

  const { out } = await run(t, files, ['config', 'check', '--debug']);

  assert.deepEqual(out.split('\n'), [
    '1 backend: ceph (RBD)',
    '[backend_defaults] volume_clear = none  (DIR/cinder.conf:8)',
    '[ceph] rbd_max_clone_depth = 7  (DIR/cinder.conf:5)',
    '[ceph] san_password = ***  (DIR/cinder.conf:6)',
    '[ceph] volume_clear = none  (DIR/cinder.conf:8 [backend_defaults])',
    '[ceph] volume_driver = rbd  (DIR/cinder.conf:4)',
    '',
  ]);
});

test('a bad backend does not count against the others [L-104, ecosystem 3.3]', async (t) => {
  const text = '[DEFAULT]\nenabled_backends = a,b\n[a]\nvolume_clear = x\n[b]\n';

  const { code, out } = await run(t, { 'cinder.conf': text }, ['config', 'check']);

  assert.equal(code, 1);
  assert.match(out, /\n1 problem, 0 warnings; 1 of 2 backends would start\n$/);
});

test('config check tells every fault of every file [C-007, L-010]', async (t) => {
  const files = { 'a.conf': '[DEFAULT]\nx\ny\n', 'b.conf': 'z = 1\n' };
  const argv = ['config', 'check', ...['a.conf', 'b.conf', 'c.conf'].flatMap((file) => ['--config-file', file])];

  const { code, out } = await run(t, files, argv);

  assert.equal(code, 1);
  assert.deepEqual(out.trimEnd().split('\n'), [
    "Failed to parse DIR/a.conf: at DIR/a.conf:2, No ':' or '=' found in assignment: 'x'",
    "Failed to parse DIR/a.conf: at DIR/a.conf:3, No ':' or '=' found in assignment: 'y'",
    'Failed to parse DIR/b.conf: at DIR/b.conf:1, Section must be started before assignment: None',
    'Failed to find some config files: DIR/c.conf',
  ]);
});

test('warnings alone are told and do not fail; unknown options fail where strictness is asked for [L-009, L-010]', async (t) => {
  const text =
    '[DEFAULT]\nenabled_backends = a,b\nverbose = 1\nnosuch = 2\n[a]\nsan_ip = 3\niscsi_helper = x\n[b]\nvolume_driver = rbd\n[backend_defaults]\nrbd_pool = p\nodd = 1\n';
  const files = { 'cinder.conf': text };

  const [mild, strict] = [
    await run(t, files, ['config', 'check']),
    await run(t, files, ['config', 'check', '--strict']),
  ];

  assert.deepEqual(mild.out.split('\n').slice(0, -1), [
    'DIR/cinder.conf:3: [DEFAULT] verbose is not known any more, use debug  (warning)',
    'DIR/cinder.conf:7: [a] iscsi_helper is not known any more, use target_helper  (warning)',
    '2 backends: a (LVM), b (RBD)',
  ]);
  assert.deepEqual([mild.code, strict.code], [0, 1]);
  assert.deepEqual(strict.out.split('\n').slice(0, 3), [
    'DIR/cinder.conf:4: [DEFAULT] nosuch is not an option of this daemon',
    'DIR/cinder.conf:6: [a] san_ip is not an option of this daemon',
    'DIR/cinder.conf:12: [backend_defaults] odd is not an option of this daemon',
  ]);
});

const installed = existsSync('/etc/cinder/cinder.conf') && 'this machine has a cinder.conf in /etc/cinder';

test('without a configuration it says where it looked and what would run without one [L-034, L-035]', {
  skip: installed,
}, async (t) => {
  const [bare, embedded] = [
    await run(t, {}, ['config', 'check', '--config-dir', '.']),
    await run(t, {}, ['config', 'check', '--embedded', '--config-dir', '.']),
  ];

  assert.equal(bare.code, 1);
  assert.match(
    bare.out,
    /^\[DEFAULT\] enabled_backends names no backend\nno configuration file was found \(looked in DIR/,
  );
  assert.equal(embedded.code, 1);
  assert.match(embedded.out, /volume_driver = file: this daemon has no such driver\n/);
});

test('--environment tries what the configuration names [ecosystem 3.3]', async (t) => {
  const files = { 'cinder.conf': '[DEFAULT]\nenabled_backends = a\n[a]\n' };

  const { code, out } = await run(t, files, ['config', 'check', '--environment']);

  assert.deepEqual([code, out], [1, 'database: no answer\n1 problem, 0 warnings; 1 of 1 backend would start\n']);
});

test('config show prints what is set for a backend, and where [C-075, C-082, ecosystem 3.3]', async (t) => {
  const text = '[DEFAULT]\nenabled_backends = ceph\n[ceph]\nvolume_driver = rbd\nrbd_pool = volumes\n';
  const more = '[backend_defaults]\nrbd_user = cinder\nvolume_clear = shred\n';
  const argv = [
    'config',
    'show',
    '--backend',
    'ceph',
    '--origin',
    '--config-file',
    'a.conf',
    '--config-file',
    'b.conf',
  ];

  const { code, out } = await run(t, { 'a.conf': text, 'b.conf': more }, argv, { OS_CEPH__RBD_SECRET_UUID: 'hidden' });

  assert.equal(code, 0);
  const rows = out.split('\n').filter((line) => line.startsWith('| '));
  assert.deepEqual(
    rows.map((line) => line.replaceAll(/ +/g, ' ')),
    [
      '| Option | Value | Origin |',
      '| rbd_pool | volumes | DIR/a.conf:5 |',
      '| rbd_secret_uuid | *** | OS_CEPH__RBD_SECRET_UUID |',
      '| rbd_user | cinder | DIR/b.conf:2 [backend_defaults] |',
      "| volume_clear | <invalid: Valid values are [none, zero], but found 'shred'> | DIR/b.conf:3 |",
      '| volume_driver | rbd | DIR/a.conf:4 |',
    ],
  );
});

test('config show prints all groups and backends, defaults on request, typed in JSON [ecosystem 3.3]', async (t) => {
  const text = '[DEFAULT]\nenabled_backends = a\nhost = $state_path\nratio = 2\n[a]\nvolume_clear = none\n';
  const files = { 'cinder.conf': text };

  const some = await run(t, files, ['config', 'show', '-f', 'json', '--noindent']);
  const all = await run(t, files, ['config', 'show', '--all', '-f', 'value']);

  assert.deepEqual(JSON.parse(some.out), [
    { Option: 'config_dir', Value: [] },
    { Option: 'config_file', Value: ['DIR/cinder.conf'] },
    { Option: 'enabled_backends', Value: ['a'] },
    { Option: 'host', Value: '/s' },
    { Option: 'ratio', Value: 2 },
    { Option: 'a.volume_clear', Value: 'none' },
  ]);
  assert.match(all.out, /^report_interval 10$/m);
  assert.match(all.out, /^transport_url \*\*\*$/m);
});

test('config show of a backend that is not enabled names those that are [ecosystem 3.1]', async (t) => {
  const files = { 'cinder.conf': '[DEFAULT]\nenabled_backends = a,b\n[a]\n[b]\n' };

  const outcome = await run(t, files, ['config', 'show', '--backend', 'c']);

  assert.deepEqual(outcome, {
    code: 1,
    out: '',
    err: "volume-daemon: no backend 'c' is enabled (enabled_backends: a, b)\n",
  });
});

test('config parse prints a line of JSON for each file, as oslo.config’s parser has it [issue: configuration]', async (t) => {
  const text = '[b]\n1 = x\n__proto__ = "é"\n1 = y\n  z\n[a]\n[__proto__]\nk:\n[b]\n2 = \n';
  const files = {
    'one.conf': text,
    'bad.conf': '[DEFAULT]\nhost\n',
    'latin.conf': Buffer.from('[a]\n\xe9 = 1\n', 'latin1'),
  };

  const { code, out } = await run(t, files, [
    'config',
    'parse',
    'one.conf',
    'bad.conf',
    'no.conf',
    'latin.conf',
    '-f',
    'json',
  ]);

  assert.equal(code, 1);
  assert.deepEqual(out.split('\n'), [
    '{"file": "one.conf", "sections": {"b": {"1": ["x", "y\\nz"], "__proto__": ["\\u00e9"], "2": [""]}, "a": {}, "__proto__": {"k": [""]}}}',
    '{"file": "bad.conf", "error": "Failed to parse DIR/bad.conf: at DIR/bad.conf:2, No \':\' or \'=\' found in assignment: \'host\'"}',
    '{"file": "no.conf", "error": "Failed to find some config files: DIR/no.conf"}',
    '{"file": "latin.conf", "error": "Failed to parse DIR/latin.conf: at DIR/latin.conf:2, invalid UTF-8"}',
    '',
  ]);
});

test('config parse exits 0 when all files can be read [issue: configuration]', async (t) => {
  const { code, out } = await run(t, { 'a.conf': '' }, ['config', 'parse', 'a.conf']);

  assert.deepEqual([code, out], [0, '{"file": "a.conf", "sections": {}}\n']);
});

test('config sample prints the sample [ecosystem 3.3]', async (t) => {
  const { code, out } = await run(t, {}, ['config', 'sample']);

  assert.equal(code, 0);
  assert.match(out, /\n# Seconds between heartbeats\. \(integer value\)\n#report_interval = 10\n/);
});

test('a file that cannot be read is one line on stderr for a command that needs it [L-006, ecosystem 3.1]', async (t) => {
  const outcome = await run(t, {}, ['config', 'show', '--config-file', 'no.conf']);

  assert.deepEqual(outcome, {
    code: 1,
    out: '',
    err: 'volume-daemon: Failed to find some config files: DIR/no.conf\n',
  });
});

test('names of backends complete from the files that are named, and from none that are broken [ecosystem 3.3]', (t) => {
  const folder = aFolder(t, {
    'a.conf': '[DEFAULT]\nenabled_backends = x,y\n',
    'bad.conf': 'x',
    'cinder.conf': '[DEFAULT]\nenabled_backends = z\n',
  });
  const environment = anEnvironment(folder);

  assert.deepEqual(backendNames(['volume-daemon', '--config-file', join(folder, 'a.conf'), ''], environment), [
    'x',
    'y',
  ]);
  assert.deepEqual(backendNames(['volume-daemon', '--config-file=a.conf'], environment), ['x', 'y']);
  assert.deepEqual(backendNames(['volume-daemon'], environment), ['z']);
  assert.deepEqual(backendNames(['volume-daemon', '--config-file=bad.conf'], environment), []);
  assert.deepEqual(backendNames(['volume-daemon', '--embedded', '--config-file=nil'], environment), []);
});
