import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { levelOf, type Outlet, outletsOf, type Routing } from '../../src/log/routing.ts';
import { routingFromFile } from '../../src/log/routing-from-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function fileWith(t: TestContext, text: string): string {
  const path = join(temporaryFolder(t), 'logging.conf');
  writeFileSync(path, text);
  return path;
}

/** The outlets of a logger, without their formats. */
function placesOf(routing: Routing, name: string): readonly Outlet['sink'][] {
  return outletsOf(routing, name).map(({ sink }) => sink);
}

/** What openstack-helm writes. */
const helm = `
[formatter_context]
class = oslo_log.formatters.ContextFormatter
datefmt = %Y-%m-%d %H:%M:%S

[formatter_default]
format = %(message)s
datefmt = %Y-%m-%d %H:%M:%S

[formatters]
keys = context,default

[handler_null]
args = ()
class = logging.NullHandler
formatter = default

[handler_stderr]
args = (sys.stderr,)
class = StreamHandler
formatter = context

[handler_stdout]
args = (sys.stdout,)
class = StreamHandler
formatter = context

[handlers]
keys = stdout,stderr,null

[logger_amqp]
handlers = stderr
level = WARNING
qualname = amqp

[logger_cinder]
handlers = stdout
level = INFO
qualname = cinder

[logger_root]
handlers = null
level = WARNING

[loggers]
keys = root,cinder,amqp
`;

test('the file of openstack-helm routes as Python would [G-007]', (t) => {
  const routing = routingFromFile(fileWith(t, helm));

  assert.deepEqual(routing.warnings, []);
  assert.deepEqual(placesOf(routing, 'cinder.volume.manager'), [{ kind: 'stdout' }, { kind: 'null' }]);
  assert.deepEqual(placesOf(routing, 'amqp'), [{ kind: 'stderr' }, { kind: 'null' }]);
  assert.deepEqual(placesOf(routing, 'oslo_service.service'), [{ kind: 'null' }]);
  assert.deepEqual(
    ['cinder.service', 'amqp.connection', 'oslo_config.cfg'].map((name) => levelOf(routing, name)),
    [20, 30, 30],
  );
  const [outlet] = outletsOf(routing, 'cinder');
  assert.deepEqual(outlet?.format, { kind: 'context', datefmt: '%Y-%m-%d %H:%M:%S', color: false });
});

test('files, rotation, syslog, JSON, plain formats, levels and propagation are taken [G-007]', (t) => {
  const routing = routingFromFile(
    fileWith(
      t,
      `
# a comment
[DEFAULT]
level: DEBUG
[loggers]
keys: root, quiet, chatty
[handlers]
keys = file, watched, rotating, syslog, named
[formatters]
keys = json, fluent, plain
[logger_root]
handlers = file
[logger_quiet]
qualname = a.quiet
handlers = watched
propagate = 0
level = ERROR
[logger_chatty]
qualname = a
handlers = rotating, syslog, named
level = 15
[handler_file]
class = FileHandler
args = ('/x/file.log',)
formatter = plain
[handler_watched]
class = logging.handlers.WatchedFileHandler
args = ('/x/watched.log',)
formatter = json
level = WARNING
[handler_rotating]
class = handlers.RotatingFileHandler
args = ('/x/rotating.log', 'a', 1048576, 5)
formatter = fluent
[handler_syslog]
class = handlers.SysLogHandler
args = ('/dev/log',
    handlers.SysLogHandler.LOG_LOCAL0)
[handler_named]
class = handlers.SysLogHandler
kwargs = {'address': '/run/log', 'facility': 'daemon'}
[formatter_json]
class = oslo_log.formatters.JSONFormatter
[formatter_fluent]
class = oslo_log.formatters.FluentFormatter
[formatter_plain]
format = %(asctime)s
    %(message)s
`,
    ),
  );
  const rotation = { type: 'none' };
  const file = (path: string, how: unknown = rotation): unknown => ({
    kind: 'file',
    path,
    compare: true,
    rotation: how,
    alsoOnStderr: false,
  });

  assert.deepEqual(placesOf(routing, ''), [file('/x/file.log')]);
  assert.deepEqual(placesOf(routing, 'a.quiet.one'), [file('/x/watched.log')]);
  assert.deepEqual(placesOf(routing, 'a.loud'), [
    file('/x/rotating.log', { type: 'size', bytes: 1048576, count: 5 }),
    { kind: 'syslog', facility: 16, socket: '/dev/log' },
    { kind: 'syslog', facility: 3, socket: '/run/log' },
    file('/x/file.log'),
  ]);
  assert.deepEqual(
    ['', 'a.loud', 'a.quiet'].map((name) => levelOf(routing, name)),
    [10, 15, 40],
  );
  const outlets = outletsOf(routing, 'a.quiet');
  assert.deepEqual([outlets[0]?.format.kind, outlets[0]?.level], ['json', 'WARNING']);
  assert.deepEqual(outletsOf(routing, '')[0]?.format, {
    kind: 'plain',
    format: '%(asctime)s\n%(message)s',
    datefmt: undefined,
  });
});

test('a handler that is not supported is named, and its records go to those of the root [G-007]', (t) => {
  const path = fileWith(
    t,
    `
[loggers]
keys = root, cinder
[handlers]
keys = out, fluent
[formatters]
keys =
[logger_root]
level = INFO
handlers = out
[logger_cinder]
qualname = cinder
level = INFO
handlers = fluent
propagate = 0
[handler_out]
class = StreamHandler
args = (sys.stdout,)
[handler_fluent]
class = fluent.handler.FluentHandler
args = ('openstack.cinder', 'localhost', 24224)
`,
  );
  const routing = routingFromFile(path);

  assert.deepEqual(routing.warnings, [
    `Log handler 'fluent' of ${path} is not supported (fluent.handler.FluentHandler('openstack.cinder', 'localhost', 24224)), its records go to the root logger`,
  ]);
  assert.deepEqual(placesOf(routing, 'cinder.service'), [{ kind: 'stdout' }]);
});

test('where the root has no handler that is supported, records go to standard output [G-007]', (t) => {
  const text =
    '[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=h\n[handler_h]\nclass=x.Y\n';
  const routing = routingFromFile(fileWith(t, text));

  assert.deepEqual(placesOf(routing, 'any'), [{ kind: 'stdout' }]);
  assert.equal(routing.warnings.length, 1);
});

test('a file that cannot be used is one line that says why [G-007]', (t) => {
  const start = '[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n';
  const handler = '[handler_h]\nclass=StreamHandler\n';
  const wrong: readonly (readonly [string, string])[] = [
    ['x = 1\n', "no section header before line 1: 'x = 1'"],
    ['[a]\n[a]\n', "section 'a' stands twice (line 2)"],
    ['[a]\nb=1\nb=2\n', "'b' stands twice in its section (line 3)"],
    ['[a]\nb\n', "line 2 is no 'key = value': 'b'"],
    ['[a]\n', 'there is no section [formatters]'],
    ['[formatters]\nkeys=\n[handlers]\nkeys=\n[loggers]\nkeys=\n', '[loggers] has no root'],
    [start, 'there is no section [handler_h]'],
    [`${start}${handler}[logger_root]\nhandlers=g\n`, "[logger_root]: there is no handler 'g'"],
    [`${start}${handler}[logger_root]\nlevel=LOUD\n`, "[logger_root]: unknown level 'LOUD'"],
    [`${start}${handler}formatter=f\n[logger_root]\n`, "[handler_h]: there is no formatter 'f'"],
  ];
  for (const [text, reason] of wrong) {
    const path = fileWith(t, text);
    assert.throws(() => routingFromFile(path), {
      name: 'LogError',
      message: `Error loading logging config ${path}: ${reason}`,
    });
  }
  assert.throws(() => routingFromFile('/nonexistent.conf'), {
    message: 'Error loading logging config /nonexistent.conf: no such file or directory',
  });
});
