import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type Logger, withLogContext } from '../../src/base/log.ts';
import type { LogIdentity } from '../../src/log/identity.ts';
import type { LogValues } from '../../src/log/options.ts';
import { type OpenLog, openLog } from '../../src/log/oslo-log.ts';
import { contextFor } from '../../src/objects/context.ts';
import { InvalidInput } from '../../src/objects/exceptions.ts';
import { eventually } from '../support/eventually.ts';
import { logIdentity, logValues } from '../support/log-values.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startProgram } from '../support/test-program.ts';

interface Opened {
  readonly log: OpenLog;
  readonly logger: Logger;
  readonly path: string;
  /** The lines so far. */
  lines(): string[];
}

/** A log in a fresh file. */
async function open(
  t: TestContext,
  values: Partial<LogValues> = {},
  identity: Partial<LogIdentity> = {},
): Promise<Opened> {
  const path = join(temporaryFolder(t), 'cinder-volume.log');
  const log = await openLog(logValues({ log_file: path, ...values }), logIdentity(identity));
  t.after(() => log.close());
  return { log, logger: log.logs('cinder.volume.manager'), path, lines: () => linesOf(path) };
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

test('every record is in the file when its call returns, from the first on [L-020, L-024, G-081]', async (t) => {
  const { logger, lines } = await open(t, { debug: true });

  for (let count = 1; count <= 200; count++) {
    logger.info('record %d', count);
    assert.ok(lines()[count - 1]?.endsWith(` record ${count}`));
    if (count % 50 === 0) await turn();
  }
});

test('what a signal handler logs before an exit is written, sums included [L-024, L-061, G-061]', async (t) => {
  const path = join(temporaryFolder(t), 'a.log');
  const { child, ended } = startProgram(t, 'log/programs/last-words', [JSON.stringify({ log_file: path })]);
  await eventually('it is ready', () => existsSync(path) && statSync(path).size > 0);

  child.kill('SIGTERM');
  assert.deepEqual(await ended, { code: 1, signal: null });

  const lines = linesOf(path);
  assert.match(
    lines[1] ?? '',
    new RegExp(` ${child.pid} INFO oslo_service\\.service \\[-\\] Caught SIGINT signal, instantaneous exiting$`),
  );
  assert.ok(lines.some((line) => / \[None req-1 - - - - - -\] Unhandled error: TypeError: x$/.test(line)));
  assert.match(lines.at(-1) ?? '', /last words \(repeated 97 times in the last \d+ s\)$/);
});

test('without a sink records go to standard output, with one they do not; every sink gets all [G-001, G-005]', async (t) => {
  const path = join(temporaryFolder(t), 'a.log');
  const run = async (values: Partial<LogValues>): Promise<{ stdout: string; stderr: string }> => {
    const { child, ended, printed } = startProgram(t, 'log/programs/last-words', [JSON.stringify(values)]);
    await eventually(
      'it is ready',
      () =>
        /ready/.test(printed.stdout + printed.stderr) || (existsSync(path) && /ready/.test(readFileSync(path, 'utf8'))),
    );
    child.kill('SIGTERM');
    await ended;
    return printed;
  };

  const plain = await run({});
  assert.match(plain.stdout, / \[-\] ready\n.* instantaneous exiting\n/);
  assert.equal(plain.stderr, '');
  const both = await run({ log_file: path, use_stderr: true });
  assert.equal(both.stdout, '');
  assert.equal(both.stderr, readFileSync(path, 'utf8'));
});

test('warnings of Node and errors that nobody caught are records [L-021, L-022, G-090]', async (t) => {
  const { ended, printed } = startProgram(t, 'log/programs/warnings');

  assert.equal((await ended).code, 1);
  assert.match(
    printed.stdout,
    / WARNING py\.warnings \[-\] DeprecationWarning: \[DEP9999\] the old way, token=\*\*\*\n/,
  );
  assert.match(
    printed.stdout,
    / CRITICAL cinder \[-\] Unhandled error: RangeError: too far\n.* ERROR cinder RangeError: too far\n.* ERROR cinder {5}at /,
  );
  assert.equal(printed.stderr, '');
});

test('concurrent requests never share a request id, and code outside has none [G-010, G-023, G-024, O-20]', async (t) => {
  const { logger, lines } = await open(t);
  const contexts = Array.from({ length: 20 }, (_, index) => contextFor({ user_id: `user${index}`, project_id: 'p' }));

  await Promise.all(
    contexts.map((context) =>
      withLogContext(context, async () => {
        for (let step = 0; step < 5; step++) {
          await sleep(Math.random() * 3);
          logger.info('of %s', context.request_id);
        }
      }),
    ),
  );
  logger.info('of nobody');

  assert.equal(lines().length, 101);
  for (const line of lines().slice(0, -1)) {
    const [, id, user, named] = /\[None (req-[0-9a-f-]{36}) (user\d+) p - - - -\] of (\S+)$/.exec(line) ?? [];
    assert.equal(id, named);
    assert.equal(contexts.find((context) => context.request_id === id)?.user_id, user);
  }
  assert.match(lines().at(-1) ?? '', / \[-\] of nobody$/);
});

test('a call below the level makes nothing of its values [G-083]', async (t) => {
  const { logger, lines } = await open(t);
  let spelled = 0;
  const value = {
    toString() {
      spelled++;
      return 'value';
    },
  };

  logger.debug('%s', value);
  assert.equal(spelled, 0);
  assert.deepEqual([logger.isEnabledFor('DEBUG'), logger.isEnabledFor('INFO')], [false, true]);
  logger.log('INFO', { resource: 'v1' }, 'it is %s', value);

  assert.equal(lines().length, 1);
  assert.match(lines()[0] ?? '', /\[instance: v1\] it is value$/);
});

test('the place of a DEBUG call is that of the caller [G-015]', async (t) => {
  const { logger, lines } = await open(t, { debug: true });

  function startChild(): void {
    logger.debug('one');
    logger.log('DEBUG', {}, 'two');
  }
  startChild();

  for (const line of lines()) assert.match(line, / startChild \/.*oslo-log\.test\.js:\d+$/);
});

test('levels are read and set by prefix at run time, until the configuration says something new [G-043, G-044]', async (t) => {
  const { log, path } = await open(t);
  log.logs('cinder.service');
  log.logs('amqp');

  assert.deepEqual(
    [...log.levels('cinder.')],
    [
      ['cinder.service', 'INFO'],
      ['cinder.volume.manager', 'INFO'],
    ],
  );
  log.setLevels('cinder.volume', 'debug');
  log.logs('cinder.volume.later');
  assert.deepEqual(Object.fromEntries(log.levels('')), {
    amqp: 'WARNING',
    'cinder.service': 'INFO',
    'cinder.volume.later': 'DEBUG',
    'cinder.volume.manager': 'DEBUG',
  });
  log.setLevels('', 'ERROR');
  assert.deepEqual(new Set(log.levels('').values()), new Set(['ERROR']));
  log.setLevels('cinder.volume.manager', 'WARNING');
  assert.throws(
    () => log.setLevels('', 'LOUD'),
    (error) => error instanceof InvalidInput && /LOUD is not a valid log level\./.test(error.message),
  );
  assert.throws(() => log.setLevels('', '10'), InvalidInput);
  assert.deepEqual(
    [...log.levels('cinder.volume.')],
    [
      ['cinder.volume.later', 'ERROR'],
      ['cinder.volume.manager', 'WARNING'],
    ],
  );

  await log.reconfigure(logValues({ log_file: path, log_dedup_interval: 5 }));
  assert.equal(log.levels('').get('amqp'), 'ERROR');
  await log.reconfigure(logValues({ log_file: path, debug: true }));
  assert.equal(log.levels('').get('cinder.volume.manager'), 'DEBUG');
  assert.equal(log.levels('').get('amqp'), 'WARNING');
});

test('other values take effect for loggers that are in use, without losing a record [G-044, C-081]', async (t) => {
  const { log, logger, path, lines } = await open(t);
  const other = `${path}.other`;

  logger.info('one');
  const going = log.reconfigure(logValues({ log_file: other, use_json: true, debug: true }));
  logger.info('two');
  await going;
  logger.debug('three');

  assert.deepEqual(
    lines().map((line) => line.slice(-3)),
    ['one', 'two'],
  );
  const [line] = linesOf(other);
  assert.equal(JSON.parse(line ?? '').message, 'three');
});

test('values that cannot be change nothing [L-166, L-023, G-004]', async (t) => {
  const { log, logger, path, lines } = await open(t);
  log.setLevels('', 'WARNING');
  const refused: readonly Partial<LogValues>[] = [
    { log_file: '/nonexistent/a.log', debug: true },
    { default_log_levels: ['x'] },
    { rate_limit_burst: 1, rate_limit_interval: 1, rate_limit_except_level: 'x' },
    { use_syslog: true, syslog_log_facility: 'x' },
    { log_config_append: '/nonexistent' },
  ];

  for (const values of refused) {
    await assert.rejects(log.reconfigure(logValues({ log_file: path, ...values })), { name: 'LogError' });
    logger.info('no');
    logger.warning(`yes, not ${Object.keys(values).join()}`);
  }

  assert.equal(lines().length, refused.length);
});

test('changes that come at once take their turns, and each says once what is odd [L-165, G-011]', async (t) => {
  const { log, path, lines } = await open(t, {}, { role: 'supervisor' });
  const odd = logValues({ log_file: path, logging_exception_prefix: '%(nosuch)s' });
  const files = ['a', 'b', 'c'].map((name) => `${path}.${name}`);

  await Promise.all([
    log.reconfigure(odd),
    log.reconfigure({ ...odd, debug: true }),
    ...files.map((log_file) => log.reconfigure({ ...odd, log_file })),
  ]);
  log.logs('test').info('last');

  assert.equal(lines().filter((line) => line.includes('logging_exception_prefix is no usable format')).length, 1);
  assert.deepEqual(
    files.map((file) => linesOf(file).length),
    [0, 0, 1],
  );
});

test('reopen opens the file again [G-051]', async (t) => {
  const { log, logger, path, lines } = await open(t, { watch_log_file: true });
  renameSync(path, `${path}.1`);

  log.reopen();
  logger.info('one');

  assert.equal(lines().length, 1);
});

test('a file of log_config_append decides everything [G-001, G-007]', async (t) => {
  const folder = temporaryFolder(t);
  const config = join(folder, 'logging.conf');
  const section = (name: string, ...lines: readonly string[]): string => `[${name}]\n${lines.join('\n')}\n`;
  writeFileSync(
    config,
    section('loggers', 'keys=root,cinder') +
      section('handlers', 'keys=all,some,odd') +
      section('formatters', 'keys=f,j') +
      section('logger_root', 'level=INFO', 'handlers=all') +
      section('logger_cinder', 'qualname=cinder', 'level=DEBUG', 'handlers=some,odd') +
      section('handler_all', 'class=FileHandler', `args=('${folder}/all.log',)`, 'formatter=f', 'level=WARNING') +
      section('handler_some', 'class=FileHandler', `args=('${folder}/some.log',)`, 'formatter=j') +
      section('handler_odd', 'class=fluent.handler.FluentHandler') +
      section('formatter_f', 'format=%(levelname)s %(name)s %(message)s') +
      section('formatter_j', 'class=oslo_log.formatters.JSONFormatter'),
  );
  const { log, path } = await open(t, { log_config_append: config });

  log.logs('cinder.service').debug('one');
  log.logs('cinder.service').warning('two');
  log.logs('oslo_service').info('three');
  log.logs('oslo_service').warning('four');
  await log.close();

  assert.equal(existsSync(path), false);
  assert.deepEqual(
    linesOf(join(folder, 'some.log')).map((line) => JSON.parse(line).message),
    ['one', 'two'],
  );
  const all = linesOf(join(folder, 'all.log'));
  assert.match(all[0] ?? '', /^WARNING volume_daemon\.log Log handler 'odd' of .* is not supported/);
  assert.deepEqual(all.slice(1), ['WARNING cinder.service two', 'WARNING oslo_service four']);
});

test('repeats, the rate limit and what they hold back show in the count [G-060, G-061, O-16]', async (t) => {
  const { log, logger, lines } = await open(t, { rate_limit_burst: 6, rate_limit_interval: 60 });

  for (let count = 0; count < 10; count++) logger.error('again');
  for (let count = 0; count < 10; count++) logger.info('other');
  assert.equal(log.suppressed, 7 + 7);
  assert.deepEqual(
    lines().map((line) => line.replace(/^.*\] /, '')),
    [...['again', 'again', 'again', 'other', 'other', 'other'], 'Logging rate limit: drop after 6 records/60 sec'],
  );
  assert.match(lines().at(-1) ?? '', / ERROR root \[-\] /);
});

test('no canary gets into any output [G-032, G-090, O-26]', async (t) => {
  const canary = 'cnry5ecret';
  for (const use_json of [false, true]) {
    const { logger, path } = await open(t, { use_json, debug: true });
    const context = { ...contextFor({ user_id: 'u', project_id: 'p' }) };
    const wire = { ...context.wire, auth_token: canary, service_catalog: [{ password: canary }] };
    const error = new Error(`login with password=${canary} failed`, { cause: { token: canary } });

    withLogContext({ ...context, wire } as typeof context, () => {
      logger.debug('Running cmd (subprocess): %s', `tgtadm --password ${canary}`);
      logger.info('connection %s', { auth_password: canary, url: `rabbit://u:${canary}@h` });
      logger.warning(`token: ${canary}`);
      logger.error('%(a)s password=%(b)s', { a: 1, b: canary });
      logger.exception(error, 'failed with %r', error);
    });

    assert.ok(!readFileSync(path, 'utf8').includes(canary), readFileSync(path, 'utf8'));
  }
});

test('JSON on standard output is valid also in colour [G-020, G-035]', async (t) => {
  const values = { use_json: true, log_color: true };
  const { child, ended, printed } = startProgram(t, 'log/programs/last-words', [JSON.stringify(values)]);
  await eventually('it is ready', () => printed.stdout.includes('ready'));
  child.kill('SIGTERM');
  await ended;

  const records = printed.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(records[0].role, 'supervisor');
  assert.equal(records.at(-2)?.error_summary, 'TypeError: x');
});

test('a log that is idle keeps no process alive [G-063]', async (t) => {
  const path = join(temporaryFolder(t), 'a.log');
  const { ended, printed } = startProgram(t, 'log/programs/idle', [path]);

  assert.deepEqual(await ended, { code: 0, signal: null }, printed.stderr);
  assert.equal(linesOf(path).length, 3);
});
