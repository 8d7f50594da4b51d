import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { embeddedDefaults, joinDefaults, machineDefaults } from '../../src/config/defaults.ts';
import { type Configuration, load } from '../../src/config/load.ts';
import { ConfigurationError } from '../../src/config/problems.ts';
import { type Schema, sourceOptions } from '../../src/config/schema.ts';
import { type CommandLineItem, readSources } from '../../src/config/sources.ts';
import { bool, float, host, int, list, multi, multiDict, str } from '../../src/interface/options.ts';
import { aFolder, aRequest, configurationOf } from '../support/configuration.ts';

const defaults = {
  group: 'DEFAULT',
  options: {
    host: str(undefined, ''),
    debug: bool(false, ''),
    report_interval: int(10, ''),
    state_path: str('/var/lib/cinder', ''),
    volumes: str('$state_path/volumes', ''),
    my_ip: host(undefined, ''),
    topics: list(['notifications'], ''),
    extension: multi(['standard'], ''),
    enabled_backends: list([], ''),
    ratio: float(1, ''),
    log_file: str(undefined, '', { was: ['logfile'] }),
  },
};
const database = {
  group: 'database',
  options: {
    connection: str('sqlite:///$state_path/cinder.sqlite', '', {
      secret: true,
      was: ['DEFAULT.sql_connection', 'sql.connection'],
    }),
    retries: int(10, '', { min: -1 }),
    replicas: multiDict(''),
  },
};
const schema: Schema = { groups: [defaults, database], backend: [] };

test('without any source everything has its default, typed and frozen [C-013, L-008]', (t) => {
  const configuration = configurationOf(t, '', schema);

  const values = configuration.values(defaults);

  assert.equal(values.report_interval, 10);
  assert.equal(values.host, undefined);
  assert.equal(values.volumes, '/var/lib/cinder/volumes');
  assert.deepEqual(values.topics, ['notifications']);
  assert.ok(Object.isFrozen(values) && Object.isFrozen(values.topics));
  assert.equal(configuration.values(database).connection, 'sqlite:////var/lib/cinder/cinder.sqlite');
  assert.deepEqual(configuration.problems, []);
});

test('unknown options, sections and cases of names change nothing [C-025, C-026, L-008]', (t) => {
  const text =
    '[DEFAULT]\nnosuch = 1\nReport_Interval = 7\nreport-interval = 8\n[default]\nreport_interval = 9\n[x]\ny = z\n';

  assert.equal(configurationOf(t, text, schema).values(defaults).report_interval, 10);
});

test('group names count without their case, and all spellings are one section [C-012, C-025]', (t) => {
  const text =
    '[Database]\nretries = 1\n[DATABASE]\nretries = 2\n[database]\nconnection = a\n[Database]\nretries = 3\n';

  const { retries, connection } = configurationOf(t, text, schema).values(database);

  assert.deepEqual([retries, connection], [3, 'a']);
});

test('a later file wins option by option, a multi-valued option joins all [C-005, C-011]', (t) => {
  const values = fromFiles(t, [
    '[DEFAULT]\nhost = a\nreport_interval = 1\nextension = x\nextension = y\n',
    '[DEFAULT]\nhost = b\nextension = z\n',
  ]).values(defaults);

  assert.deepEqual([values.host, values.report_interval, values.extension], ['b', 1, ['x', 'y', 'z']]);
});

test('command line over environment over files over defaults over presets [config 2, C-060]', (t) => {
  const everything = {
    environment: { OS_DEFAULT__HOST: 'environment', OS_DEFAULT__STATE_PATH: '/environment' },
    items: [value('state_path', '/typed')],
    defaults: { DEFAULT: { host: 'default', state_path: '/default', report_interval: 7, ratio: 2.5 } },
  };
  const text = '[DEFAULT]\nhost = file\nstate_path = /file\nreport_interval = 5\n';

  const values = configurationOf(t, text, schema, everything).values(defaults);

  assert.deepEqual(
    [values.state_path, values.host, values.report_interval, values.ratio, values.debug],
    ['/typed', 'environment', 5, 2.5, false],
  );
});

test('what the program sets is stronger than the command line, also for references [config 2, C-045]', (t) => {
  const folder = aFolder(t);
  const sources = readSources(aRequest(folder, { items: [value('state_path', '/typed')] }));

  const values = load(sources, schema, { DEFAULT: { state_path: '/forced' } }).values(defaults);

  assert.deepEqual([values.state_path, values.volumes], ['/forced', '/forced/volumes']);
});

test('a file behind an option of the command line overrides it, one before it does not [C-010]', (t) => {
  const folder = aFolder(t, { 'f.conf': '[DEFAULT]\ndebug = false\n' });
  const file = { kind: 'file', path: 'f.conf' } as const;
  const debug = (items: CommandLineItem[]) =>
    load(readSources(aRequest(folder, { items })), schema).values(defaults).debug;

  assert.equal(debug([value('debug', 'true'), file]), false);
  assert.equal(debug([file, value('debug', 'true')]), true);
  assert.equal(debug([value('debug', 'true'), value('debug', 'false')]), false);
});

test('a variable is a list as in a file, and of a multi-valued option one item a line [C-061]', (t) => {
  const environment = { OS_DEFAULT__TOPICS: 'a, b', OS_DEFAULT__EXTENSION: 'one\ntwo, three' };

  const values = configurationOf(t, '[DEFAULT]\nextension = file\n', schema, { environment }).values(defaults);

  assert.deepEqual(
    [values.topics, values.extension],
    [
      ['a', 'b'],
      ['one', 'two, three'],
    ],
  );
});

test('a group name that no variable can have is found with underscores [C-062]', (t) => {
  const group = { group: 'fc-zone.manager', options: { zone: str(undefined, '') } };
  const zone = (environment: Record<string, string>) =>
    configurationOf(t, '', { groups: [group] }, { environment }).values(group).zone;

  assert.equal(zone({ OS_FC_ZONE_MANAGER__ZONE: 'a' }), 'a');
  assert.equal(zone({ OS_FC_ZONE_MANAGER__ZONE: 'a', 'OS_FC-ZONE.MANAGER__ZONE': 'b' }), 'b');
});

test('every wrong value outside the backends is a problem with its place [C-030, C-031, C-063, L-007]', (t) => {
  const text = '[DEFAULT]\ndebug = maybe\n\nmy_ip = a_b\n[database]\nretries = -2\nreplicas = a:1\nreplicas = b\n';
  const more = { environment: { OS_DEFAULT__REPORT_INTERVAL: 'ten' }, items: [value('ratio', 'x', '--ratio')] };

  const configuration = configurationOf(t, text, schema, more);

  const messages = configuration.problems.map(({ message }) => message.replaceAll(/\/\S*cinder\.conf/g, 'FILE'));
  assert.deepEqual(messages.sort(), [
    "Value for option DEFAULT.debug from FILE:2 is not valid: Unexpected boolean value 'maybe'",
    'Value for option DEFAULT.my_ip from FILE:4 is not valid: a_b is not a valid host address',
    "Value for option DEFAULT.ratio from --ratio is not valid: could not convert string to float: 'x'",
    "Value for option DEFAULT.report_interval from OS_DEFAULT__REPORT_INTERVAL is not valid: invalid literal for int() with base 10: 'ten'",
    'Value for option database.replicas from FILE:8 is not valid: Value should be NAME:VALUE pairs separated by ","',
    'Value for option database.retries from FILE:6 is not valid: Should be greater than or equal to -1',
  ]);
  assert.throws(() => configuration.orThrow(), ConfigurationError);
  assert.throws(
    () => configuration.values(database),
    (error: unknown) => problemsIn(error) === 2,
  );
});

test('the finding of a problem has the place first, then section, option and text [ecosystem 3.3]', (t) => {
  const { problems } = configurationOf(t, '[DEFAULT]\nreport_interval = five\n  x\n', schema);

  assert.match(
    problems[0]?.finding ?? '',
    /^\/\S+:2: \[DEFAULT\] report_interval = 'five\\nx': invalid literal for int\(\) with base 10: 'five\\nx'$/,
  );
});

test('a number without text is not set, so that a default stays a number [C-032, C-071]', (t) => {
  const values = configurationOf(t, '[DEFAULT]\nreport_interval =\nratio =\nhost =\ntopics =\n', schema).values(
    defaults,
  );

  assert.deepEqual([values.report_interval, values.ratio, values.host, values.topics], [10, 1, '', []]);
});

test('references go to the own group, then to DEFAULT, or to the group they name [C-040, C-041, C-042]', (t) => {
  const text = `[DEFAULT]\nstate_path = /s\nhost = \${database.retries}$$$1$ \\$x \${ a} $\n[database]\nretries = 0_7\nconnection = $retries\${state_path}\n`;

  const configuration = configurationOf(t, text, schema);

  assert.equal(configuration.values(defaults).host, `7$$1$ $x \${ a} $`);
  assert.equal(configuration.values(database).connection, '7/s');
});

test('a reference gives the value as Python prints it, nothing for none [C-040, C-044]', (t) => {
  const text = '[DEFAULT]\nhost = $debug|$topics|$ratio|$log_file|$volumes|$logfile\n';

  assert.equal(
    configurationOf(t, text, schema).values(defaults).host,
    "False|['notifications']|1.0||/var/lib/cinder/volumes|",
  );
});

test('references are replaced before the type is read [C-040]', (t) => {
  const text = '[DEFAULT]\nhost = a,b\ntopics = $host,c\nstate_path = 5\nreport_interval = $state_path\n';

  const values = configurationOf(t, text, schema).values(defaults);

  assert.deepEqual([values.topics, values.report_interval], [['a', 'b', 'c'], 5]);
});

test('an unknown reference makes the option unreadable and says how to write a dollar [C-043]', (t) => {
  for (const [text, shown] of [
    ['$word/x', '$word'],
    [`\${nosuch.option}`, '$nosuch.option'],
    ['$Host', '$Host'],
    ['$database.nosuch', '$database.nosuch'],
  ]) {
    const { problems } = configurationOf(t, `[DEFAULT]\nhost = ${text}\n`, schema);

    assert.equal(problems.length, 1);
    assert.ok(problems[0]?.message.endsWith(`is not valid: unknown reference ${shown}; a literal $ is written as $$`));
  }
});

test('nothing of a secret stands in an error, not even the word behind its dollar [C-082]', (t) => {
  const text = '[database]\nconnection = mysql://c:top$ecret@h/d\n[DEFAULT]\nhost = http://u:hidden@h/$nosuch\n';

  const { problems } = configurationOf(t, text, schema);

  assert.equal(problems.length, 2);
  for (const { message, finding } of problems) assert.doesNotMatch(`${message} ${finding}`, /top|ecret|hidden/);
  assert.match(problems.map(({ message }) => message).join(), /unknown reference \$\*\*\*/);
});

test('a cycle of references is told once, as the way round [C-044]', (t) => {
  const text = `[DEFAULT]\nhost = $state_path\nstate_path = $volumes\nvolumes = \${host}\nlog_file = $log_file\n`;

  const messages = configurationOf(t, text, schema).problems.map(({ message }) => message);

  assert.equal(messages.length, 2);
  assert.ok(messages.some((message) => message.endsWith('reference cycle: host → state_path → volumes → host')));
  assert.ok(messages.some((message) => message.endsWith('reference cycle: log_file → log_file')));
});

test('an option that refers to a broken one is unreadable, the problem is told where it is [C-043]', (t) => {
  const text = '[DEFAULT]\nstate_path = $nosuch\nhost = $state_path\n';

  const configuration = configurationOf(t, text, schema);

  assert.equal(configuration.problems.length, 1);
  assert.match(configuration.problems[0]?.message ?? '', /DEFAULT\.state_path from \S+:2 /);
  assert.throws(() => configuration.values(database), ConfigurationError);
});

test('older names and groups count, the new name wins in the same file [C-050]', (t) => {
  const connection = (text: string) => configurationOf(t, text, schema).values(database).connection;

  assert.equal(connection('[DEFAULT]\nsql_connection = a\n'), 'a');
  assert.equal(connection('[sql]\nconnection = b\n[DEFAULT]\nsql_connection = a\n'), 'a');
  assert.equal(connection('[database]\nconnection = c\n[DEFAULT]\nsql_connection = a\n'), 'c');
  assert.equal(configurationOf(t, '[DEFAULT]\nlogfile = /x\n', schema).values(defaults).log_file, '/x');
});

test('an older name in a later file wins over the new one in an earlier [C-005, C-050]', (t) => {
  const files = ['[database]\nconnection = new\n', '[DEFAULT]\nsql_connection = old\n'];

  assert.equal(fromFiles(t, files).values(database).connection, 'old');
});

test('config_file and config_dir say what was named or found [config 12.1]', (t) => {
  const folder = aFolder(t, { 'cinder.conf.d/x.conf': '', 'f.conf': '[DEFAULT]\nconfig_file = ignored\n' });
  const sources = readSources(aRequest(folder, { items: [{ kind: 'file', path: 'f.conf' }] }));

  const { config_file, config_dir } = load(sources, schema).values(sourceOptions);

  assert.deepEqual([config_file, config_dir], [[join(folder, 'f.conf')], [join(folder, 'cinder.conf.d')]]);
});

test('the machine gives its name and an address where nobody else does [config 12.1]', (t) => {
  const machine = machineDefaults();

  const values = configurationOf(t, '', schema, { defaults: machine }).values(defaults);

  assert.equal(values.host, machine['DEFAULT']?.['host']);
  assert.match(values.my_ip ?? '', /^\d+\.\d+\.\d+\.\d+$/);
  assert.equal(configurationOf(t, '[DEFAULT]\nhost = x\n', schema, { defaults: machine }).values(defaults).host, 'x');
});

test('a dollar in the name of the folder of --embedded is no reference [L-035, C-042]', (t) => {
  const configuration = configurationOf(t, '', schema, { defaults: embeddedDefaults('/home/$me') });

  assert.equal(configuration.values(defaults).volumes, '/home/$me/var/volumes');
});

test('--embedded changes defaults only: each may be set in a file [L-035]', (t) => {
  const daemon = { group: 'volume_daemon', options: { admin_socket: str('/run/cinder/volume-daemon.sock', '') } };
  const driver = { volume_driver: str('lvm', '') };
  const tables = { groups: [...schema.groups, daemon], backend: [driver] };
  const embedded = { defaults: joinDefaults(machineDefaults(), embeddedDefaults('/work')) };

  const bare = configurationOf(t, '', tables, embedded);
  const named = configurationOf(t, '[DEFAULT]\nstate_path = /s\nenabled_backends = a,b\n[a]\n', tables, embedded);

  assert.equal(bare.values(defaults).state_path, '/work/var');
  assert.equal(bare.values(daemon).admin_socket, '/work/var/volume-daemon.sock');
  assert.deepEqual(
    bare.backends.map((section) => [section.name, section.present, section.values(driver).volume_driver]),
    [['file', true, 'file']],
  );
  assert.equal(named.values(daemon).admin_socket, '/s/volume-daemon.sock');
  assert.deepEqual(
    named.backends.map(({ name, present }) => [name, present]),
    [
      ['a', true],
      ['b', false],
    ],
  );
});

function value(option: string, text: string, spelled = `--${option}`): CommandLineItem {
  return { kind: 'value', option, text, spelled };
}

function fromFiles(t: TestContext, texts: readonly string[]): Configuration {
  const folder = aFolder(t, Object.fromEntries(texts.map((text, index) => [`${index}.conf`, text])));
  const items = texts.map((_, index) => ({ kind: 'file', path: `${index}.conf` }) as const);
  return load(readSources(aRequest(folder, { items })), schema);
}

function problemsIn(error: unknown): number | undefined {
  return error instanceof ConfigurationError ? error.problems.length : undefined;
}
