import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import type { LogValues } from '../../src/log/options.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { contextFormat, plainFormat } from '../../src/log/text-format.ts';
import { VolumeNotFound } from '../../src/objects/exceptions.ts';
import { aRecord } from '../support/log-record.ts';
import { logIdentity, logValues } from '../support/log-values.ts';

const seconds = '%Y-%m-%d %H:%M:%S';
const firstLine =
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ \[(-|\S+ \S+ .*?)\] /;
const startUp = { request_id: 'req-dc77ecbc-12fe-488c-a16f-770268d361a9', global_request_id: null };
const user = {
  request_id: 'req-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
  global_request_id: 'req-11111111-2222-3333-4444-555555555555',
  user_id: 'u1',
  project_id: 'p1',
  user_domain: 'default',
  project_domain: 'default',
};
const caller = {
  funcName: '_start_child',
  pathname: '/usr/lib/oslo_service/service.js',
  filename: 'service.js',
  module: 'service',
  lineno: 575,
};

/** The text of a record, with the pid of the captured lines. */
function rendered(record: LogRecord, values: Partial<LogValues> = {}, color = false): string {
  const format = contextFormat(logValues(values), logIdentity(), { color, datefmt: seconds });
  return format.render(record).replaceAll(String(process.pid), '31590');
}

test('lines are those of oslo, byte for byte [G-010, G-013, G-019, G-021, G-022]', () => {
  const service = 'oslo_service.service';
  const lines: readonly (readonly [LogRecord, string])[] = [
    [
      aRecord({ name: service, context: startUp, template: 'Starting %d workers', values: [1], created: at(58, 93) }),
      '2026-11-23 08:18:58.093 31590 INFO oslo_service.service [None req-dc77ecbc-12fe-488c-a16f-770268d361a9 - - - - - -] Starting 1 workers',
    ],
    [
      aRecord({ name: 'cinder.service', template: 'Starting cinder-volume node (version %s)', values: ['21.3.1'] }),
      '2026-11-23 08:18:58.093 31590 INFO cinder.service [-] Starting cinder-volume node (version 21.3.1)',
    ],
    [
      aRecord({ context: user, template: 'with context', created: at(0, 7) }),
      '2026-11-23 08:18:00.007 31590 INFO cinder.volume.manager [req-11111111-2222-3333-4444-555555555555 req-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee u1 p1 - - default default] with context',
    ],
    [
      aRecord({
        level: 'ERROR',
        name: 'cinder.service',
        template: 'Manager for service %s %s is reporting problems, not sending heartbeat. Service will appear "down".',
        values: ['cinder-volume', 'labhost@ghost'],
      }),
      '2026-11-23 08:18:58.093 31590 ERROR cinder.service [-] Manager for service cinder-volume labhost@ghost is reporting problems, not sending heartbeat. Service will appear "down".',
    ],
    [
      aRecord({
        name: 'oslo_config.cfg',
        level: 'WARNING',
        template: 'Ignoring change to immutable option %s.%s',
        values: ['DEFAULT', 'report_interval'],
      }),
      '2026-11-23 08:18:58.093 31590 WARNING oslo_config.cfg [-] Ignoring change to immutable option DEFAULT.report_interval',
    ],
  ];

  for (const [record, line] of lines) {
    assert.equal(rendered(record), line);
    assert.match(line, firstLine);
  }
});

test('a DEBUG line ends with the place of its call [G-015]', () => {
  const record = aRecord({
    level: 'DEBUG',
    context: startUp,
    name: 'oslo_service.service',
    caller,
    template: 'Started child %d',
    values: [31672],
  });

  assert.equal(
    rendered(record),
    '2026-11-23 08:18:58.093 31590 DEBUG oslo_service.service [None req-dc77ecbc-12fe-488c-a16f-770268d361a9 - - - - - -] Started child 31672 _start_child /usr/lib/oslo_service/service.js:575',
  );
  assert.match(rendered(record, { logging_debug_format_suffix: '' }), /Started child 31672$/);
});

test('an error ends its line, and its stack follows with the exception prefix and an empty line [G-016, G-017]', () => {
  const thrown = new VolumeNotFound({ volume_id: 'v1' });
  thrown.stack = 'Error: x\n    at one (file.js:1:2)\n    at two (file.js:3:4)';
  const prefix = '2026-11-23 08:18:58.093 31590 ERROR cinder.cmd.volume ';

  assert.deepEqual(rendered(aRecord({ level: 'CRITICAL', name: 'cinder.cmd.volume', thrown })).split('\n'), [
    '2026-11-23 08:18:58.093 31590 CRITICAL cinder.cmd.volume [-] text: cinder.exception.VolumeNotFound: Volume v1 could not be found.',
    `${prefix}cinder.exception.VolumeNotFound: Volume v1 could not be found.`,
    `${prefix}    at one (file.js:1:2)`,
    `${prefix}    at two (file.js:3:4)`,
    prefix,
  ]);
  assert.match(rendered(aRecord({ level: 'INFO', thrown })).split('\n')[0] ?? '', /\] text$/);
});

test('a format that shows the summary itself gets a dash where there is none [G-016]', () => {
  const values = { logging_default_format_string: '%(levelname)s %(message)s <%(error_summary)s>' };

  assert.equal(rendered(aRecord(), values), 'INFO text <->');
  assert.match(
    rendered(aRecord({ level: 'ERROR', thrown: new TypeError('no') }), values),
    /^ERROR text <TypeError: no>\n/,
  );
});

test('each line of a message and of a summary has the prefix of the record [G-018, O-20]', () => {
  const head = '2026-11-23 08:18:58.093 31590 ERROR cinder.volume.manager [-] ';
  const thrown = new Error('Unexpected error.\nCommand: x\nExit code: 5');
  thrown.stack = '';
  const lines = rendered(aRecord({ level: 'ERROR', template: 'one\r\ntwo\n', thrown })).split('\n');

  assert.deepEqual(lines.slice(0, 4), [
    `${head}one`,
    `${head}two: Error: Unexpected error.`,
    `${head}Command: x`,
    `${head}Exit code: 5`,
  ]);
});

test('a resource stands before the message, in the form for UUIDs or for names [G-014]', () => {
  const uuid = '0c5f8b0e-6f4c-4e2b-9a57-0d7bb35b0b3a';
  const values = { instance_format: '<%(uuid)s> ', instance_uuid_format: '{%(uuid)s} ' };

  assert.match(rendered(aRecord({ resource: uuid })), new RegExp(`\\[-\\] \\[instance: ${uuid}\\] text$`));
  assert.match(rendered(aRecord({ resource: uuid }), values), new RegExp(`\\{${uuid}\\} text$`));
  assert.match(rendered(aRecord({ resource: 'volume-1' }), values), /<volume-1> text$/);
  assert.match(
    rendered(aRecord({ context: { ...user, wire: { resource_uuid: uuid } } as typeof user })),
    new RegExp(`\\[instance: ${uuid}\\] text$`),
  );
});

test('every placeholder of the list prints something [G-011, G-012]', () => {
  const names =
    'asctime msecs created relativeCreated process processName thread threadName name levelname levelno message pathname ' +
    'filename module lineno funcName isotime project version hostname instance resource color reset_color error_summary ' +
    'request_id global_request_id user_identity user_name user project_name project_id tenant domain user_domain ' +
    'project_domain system_scope remote_address resource_uuid is_admin';
  const format = names
    .split(' ')
    .map((name) => `${name}=%(${name})s`)
    .join('|');
  const context = {
    ...user,
    wire: { user_name: 'ann', is_admin: true, remote_address: '198.51.100.7' },
  } as typeof user;
  const shown = (record: LogRecord): Record<string, string> =>
    Object.fromEntries(
      rendered(record, { logging_context_format_string: format, logging_default_format_string: format })
        .split('|')
        .map((pair) => pair.split('=') as [string, string]),
    );

  const full = shown(aRecord({ level: 'ERROR', context, caller, resource: 'r1' }));
  assert.equal(full['levelno'], '40');
  assert.equal(full['created'], String(at(58, 93) / 1000));
  assert.match(full['isotime'] ?? '', /^2026-11-23T08:18:58\.093000[+-]\d\d:\d\d$/);
  assert.equal(full['hostname'], hostname());
  assert.equal(full['project'], 'cinder');
  assert.equal(full['version'], '0.1.0');
  assert.equal(full['user_name'], 'ann');
  assert.equal(full['tenant'], 'p1');
  assert.equal(full['is_admin'], 'True');
  assert.equal(full['system_scope'], 'None');
  assert.equal(full['module'], 'service');
  assert.equal(full['resource'], '[r1] ');
  const bare = shown(aRecord());
  assert.equal(bare['request_id'], '-');
  assert.equal(bare['user_identity'], '');
  assert.equal(bare['message'], 'text');
});

test('widths and padding of placeholders count [G-011]', () => {
  const logging_default_format_string = '%(levelname)-8s|%(process)08d|%(name).6s|%(message)s';

  assert.match(rendered(aRecord(), { logging_default_format_string }), /^INFO {4}\|0*31590\|cinder\|text$/);
});

test('a format with an unknown name, or that is none, loses no record [G-011]', () => {
  for (const [format, error] of [
    ['%(nosuch)s %(message)s', `KeyError('nosuch')`],
    ['%(message)', `ValueError('incomplete format')`],
    ['%(name)d %(message)s', `TypeError('%d format: a number is required, not cinder.volume.manager')`],
  ] as const) {
    const line = rendered(aRecord(), { logging_default_format_string: format });
    assert.ok(line.includes(`Error formatting log line msg='text' err=${error}`), line);
    assert.match(line, /^2026-11-23 08:18:58\.093 31590 INFO cinder\.volume\.manager \[-\] /);
  }
  const prefix = rendered(aRecord({ level: 'ERROR', thrown: new Error('x') }), {
    logging_exception_prefix: '%(nosuch)s',
  });
  assert.match(prefix.split('\n')[1] ?? '', /^2026-11-23 08:18:58\.093 31590 ERROR cinder\.volume\.manager Error: x$/);
});

test('the user identity takes any name and prints a dash for what is missing [G-013]', () => {
  const logging_user_identity_format = '%(user)s/%(nosuch)s/%(roles)s';

  assert.match(rendered(aRecord({ context: user }), { logging_user_identity_format }), / u1\/-\/-\] text$/);
});

test('colour comes where the format has it, and is ended [G-020]', () => {
  const logging_default_format_string = '%(color)s%(levelname)s %(message)s';
  const colored = (level: LogRecord['level'], format = logging_default_format_string): string =>
    rendered(aRecord({ level }), { logging_default_format_string: format, logging_debug_format_suffix: '' }, true);

  assert.equal(colored('DEBUG'), '\x1b[00;32mDEBUG text\x1b[00m');
  assert.equal(colored('INFO'), '\x1b[00;36mINFO text\x1b[00m');
  assert.equal(colored('WARNING'), '\x1b[01;33mWARNING text\x1b[00m');
  assert.equal(colored('ERROR'), '\x1b[01;31mERROR text\x1b[00m');
  assert.equal(colored('CRITICAL'), '\x1b[01;31mCRITICAL text\x1b[00m');
  assert.equal(colored('INFO', '%(color)s%(message)s%(reset_color)s.'), '\x1b[00;36mtext\x1b[00m.');
  assert.equal(colored('INFO', '%(message)s'), 'text');
  assert.equal(rendered(aRecord(), { logging_default_format_string }), 'INFO text');
});

test("Python's plain formatter prints milliseconds after a comma, and stacks behind its own prefix [G-007]", () => {
  const format = plainFormat('%(asctime)s %(message)s', undefined, logIdentity());
  const thrown = new Error('x');
  thrown.stack = '';

  assert.equal(
    format.render(aRecord({ level: 'ERROR', thrown })),
    ['2026-11-23 08:18:58,093 text: Error: x', '2026-11-23 08:18:58,093 Error: x', '2026-11-23 08:18:58,093 '].join(
      '\n',
    ),
  );
});

function at(second: number, millisecond: number): number {
  return new Date(2026, 10, 23, 8, 18, second, millisecond).getTime();
}
