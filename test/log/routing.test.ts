import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { levelWord, parseLevel } from '../../src/log/level.ts';
import type { LogValues } from '../../src/log/options.ts';
import { levelOf, outletsOf } from '../../src/log/routing.ts';
import { routingFromOptions } from '../../src/log/routing-from-options.ts';
import { logIdentity, logValues } from '../support/log-values.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function routing(values: Partial<LogValues> = {}): ReturnType<typeof routingFromOptions> {
  return routingFromOptions(logValues(values), logIdentity());
}

/** The sinks of these values, in a word each. */
function sinks(values: Partial<LogValues>): string[] {
  return outletsOf(routing(values), 'any.name').map(({ sink }) => (sink.kind === 'file' ? sink.path : sink.kind));
}

test('records go where the table of sinks says [G-001]', () => {
  assert.deepEqual(sinks({}), ['stdout']);
  assert.deepEqual(sinks({ use_syslog: true }), ['stdout', 'syslog']);
  assert.deepEqual(sinks({ use_stderr: true }), ['stderr']);
  assert.deepEqual(sinks({ use_journal: true }), ['journal']);
  assert.deepEqual(sinks({ log_file: '/x/a.log' }), ['/x/a.log']);
  assert.deepEqual(sinks({ log_file: '/x/a.log', use_stderr: true, use_journal: true, use_syslog: true }), [
    '/x/a.log',
    'stderr',
    'journal',
    'syslog',
  ]);
});

test('a relative log file is below log_dir, which is made; an absolute one stays [G-001, O-33]', (t) => {
  const log_dir = join(temporaryFolder(t), 'log', 'cinder');

  assert.deepEqual(sinks({ log_dir }), [join(log_dir, 'cinder-volume.log')]);
  assert.deepEqual(sinks({ log_dir, log_file: 'volume.log' }), [join(log_dir, 'volume.log')]);
  assert.deepEqual(sinks({ log_dir, log_file: '/x/volume.log' }), ['/x/volume.log']);
  assert.ok(existsSync(log_dir));
  assert.equal(statSync(log_dir).mode & 0o777 & ~process.umask(), 0o750 & ~process.umask());
});

test('the longest configured name decides the level, else the root [G-040, G-041, G-042, G-080]', () => {
  const presets = routing();
  assert.equal(levelOf(presets, 'cinder.volume.manager'), 20);
  assert.equal(levelOf(presets, 'oslo_messaging.rpc.client'), 20);
  assert.equal(levelOf(presets, 'stevedore.extension'), 30);
  assert.equal(levelOf(presets, 'stevedoring'), 20);
  assert.equal(levelOf(routing({ debug: true }), 'cinder'), 10);
  assert.equal(levelOf(routing({ debug: true }), 'amqp'), 30);

  const own = routing({
    default_log_levels: ['a=ERROR', 'a.b=debug', 'a.b.c=15', 'n=NOTSET', 'w = WARN', 'x.y=AUDIT'],
  });
  const levels = ['a', 'a.x', 'a.b', 'a.b.c', 'a.b.c.d', 'a.bc', 'n', 'w', 'x.y', 'amqp'];
  assert.deepEqual(
    levels.map((name) => levelOf(own, name)),
    [40, 40, 10, 15, 15, 40, 20, 30, 21, 20],
  );
  assert.equal(levelOf(routing({ debug: true, default_log_levels: ['root=ERROR'] }), 'any'), 40);
});

test('the levels have their numbers and words [G-019, G-041]', () => {
  const numbers = [
    'TRACE',
    'DEBUG',
    'INFO',
    'AUDIT',
    'WARN',
    'WARNING',
    'ERROR',
    'CRITICAL',
    ' info ',
    '7',
    'LOUD',
    '',
  ];
  assert.deepEqual(numbers.map(parseLevel), [5, 10, 20, 21, 30, 30, 40, 50, 20, 7, undefined, undefined]);
  assert.deepEqual([5, 20, 30, 50, 15].map(levelWord), ['TRACE', 'INFO', 'WARNING', 'CRITICAL', 'Level 15']);
});

test('values that cannot be are refused in one line [G-004]', () => {
  const refused: readonly (readonly [Partial<LogValues>, RegExp])[] = [
    [{ default_log_levels: ['a=LOUD'] }, /^default_log_levels: 'a=LOUD' is not logger=LEVEL/],
    [{ default_log_levels: ['a'] }, /^default_log_levels: 'a' is not logger=LEVEL/],
    [
      { use_syslog: true, syslog_log_facility: 'LOG_NOPE' },
      /^syslog facility must be one of: 'LOG_KERN', 'LOG_USER', 'LOG_MAIL', .*'LOG_LOCAL7'$/,
    ],
    [{ use_journal: true, syslog_log_facility: '' }, /^syslog facility must be one of/],
    [
      { log_dir: '/proc/nosuch/dir' },
      /^cannot make log_dir \/proc\/nosuch\/dir: no such file or directory \(uid \d+\)$/,
    ],
    [
      { log_file: '/x', log_rotation_type: 'interval', log_rotate_interval_type: 'Weekday', log_rotate_interval: 7 },
      /^log_rotate_interval: with Weekday it is a day from 0 \(Monday\) to 6, not 7$/,
    ],
  ];

  for (const [values, message] of refused) assert.throws(() => routing(values), { name: 'LogError', message });
});

test('a facility is taken with or without LOG_, in any case, and only looked at when it is used [G-004]', () => {
  for (const [syslog_log_facility, number] of [
    ['LOG_LOCAL3', 19],
    ['local3', 19],
    ['Daemon', 3],
    ['log_user', 1],
  ] as const) {
    const [, outlet] = outletsOf(routing({ use_syslog: true, syslog_log_facility }), 'a');
    assert.deepEqual(outlet?.sink, { kind: 'syslog', facility: number, socket: undefined });
  }
  assert.deepEqual(sinks({ syslog_log_facility: 'nonsense' }), ['stdout']);
});

test('only standard output and error are coloured [G-020]', () => {
  const values = { log_color: true, use_stderr: true, log_file: '/x/a.log' };
  const colors = outletsOf(routing(values), 'a').map(({ format }) => format.kind === 'context' && format.color);

  assert.deepEqual(colors, [false, true]);
});

test('the supervisor says which formats cannot be used, and what journald does not get [G-011, G-071]', () => {
  const values = {
    logging_exception_prefix: '%(nosuch)s',
    logging_default_format_string: '%(message)',
    use_journal: true,
  };
  const warnings = (role: 'supervisor' | 'worker'): readonly string[] =>
    routingFromOptions(logValues(values), logIdentity({ role })).warnings;

  assert.deepEqual(warnings('supervisor'), [
    "logging_default_format_string is no usable format: ValueError('incomplete format'); its records say so",
    "logging_exception_prefix is no usable format: KeyError('nosuch'); the preset is used",
    'use_journal: journald gets no fields but the text, its priority and its sender',
  ]);
  assert.deepEqual(warnings('worker'), []);
});
