import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format } from 'node:util';
import { type Logger, silent } from '../../src/base/log.ts';
import { type ConfigWarning, logWarnings } from '../../src/config/warnings.ts';
import { bool, list, str } from '../../src/interface/options.ts';
import { configurationOf } from '../support/configuration.ts';

const defaults = {
  group: 'DEFAULT',
  options: {
    enabled_backends: list([], ''),
    debug: bool(false, ''),
    log_file: str(undefined, '', { was: ['logfile'] }),
    storage_availability_zone: str('nova', ''),
    backdoor: str(undefined, '', { removal: 'it has no use' }),
    rpc_backend: str(undefined, '', { removal: 'it has one remark only' }),
  },
};
const database = { group: 'database', options: { connection: str('', '', { was: ['DEFAULT.sql_connection'] }) } };
const backend = { volume_group: str('', ''), backend_host: str(undefined, ''), storage_availability_zone: str('', '') };

function warnings(t: Parameters<typeof configurationOf>[0], text: string): readonly ConfigWarning[] {
  return configurationOf(t, text, { groups: [defaults, database], backend: [backend] }).warnings();
}

function lines(found: readonly ConfigWarning[]): string[] {
  return found.map(({ template, values }) => format(template, ...values).replaceAll(/\/\S*cinder\.conf/g, 'FILE'));
}

test('an older name is told once with the new one [C-051]', (t) => {
  const found = warnings(t, '[DEFAULT]\nlogfile = a\nlogfile = b\nsql_connection = c\n');

  assert.deepEqual(lines(found), [
    'Deprecated: Option "logfile" from group "DEFAULT" is deprecated. Use option "log_file" from group "DEFAULT".',
    'Deprecated: Option "sql_connection" from group "DEFAULT" is deprecated. Use option "connection" from group "database".',
  ]);
});

test('an option that will go is told where somebody sets it [C-052]', (t) => {
  assert.deepEqual(lines(warnings(t, '[DEFAULT]\n')), []);
  assert.deepEqual(lines(warnings(t, '[DEFAULT]\nbackdoor = 1\n')), [
    'Deprecated: Option "backdoor" from group "DEFAULT" is deprecated for removal (it has no use).  Its value may be silently ignored in the future.',
  ]);
});

test('names of long ago are told with what to write instead, also in backends’ sections [C-053]', (t) => {
  const text =
    '[DEFAULT]\nenabled_backends = lvm\nverbose = true\nrpc_backend = x\nheartbeat_in_pthread = 1\n[lvm]\niscsi_helper = tgtadm\n';

  assert.deepEqual(lines(warnings(t, text)), [
    'Option verbose is not known any more; use debug',
    'Option rpc_backend is not known any more; use transport_url',
    'Option heartbeat_in_pthread is not known any more',
    'Option iscsi_helper is not known any more; use target_helper',
  ]);
});

test('an option of backends in DEFAULT has no effect while backends are enabled [C-072, C-074]', (t) => {
  const text = 'volume_group = vg\nbackend_host = h\nstorage_availability_zone = z\n';

  assert.deepEqual(lines(warnings(t, `[DEFAULT]\nenabled_backends = lvm\n${text}[lvm]\n`)), [
    'Option volume_group in [DEFAULT] has no effect, move it to [backend_defaults]',
    "Option backend_host in [DEFAULT] has no effect, move it to the backend's own section",
  ]);
  assert.deepEqual(lines(warnings(t, `[DEFAULT]\n${text}`)), []);
});

test('each unknown option of a known section is told once, with its place [L-009]', (t) => {
  const text = '[DEFAULT]\nnosuch = 1\nnosuch = 2\n[database]\nconection = x\n[unknown]\nx = y\n[lvm]\nsan_ip = z\n';

  assert.deepEqual(lines(warnings(t, text)), [
    'Unknown option nosuch in section [DEFAULT] at FILE:3',
    'Unknown option conection in section [database] at FILE:5',
  ]);
});

test('a backend that is listed twice is told [L-076]', (t) => {
  assert.deepEqual(lines(warnings(t, '[DEFAULT]\nenabled_backends = a,b,a,a\n[a]\n[b]\n')), [
    'Backend a is listed more than once in enabled_backends, ignoring the duplicate',
  ]);
});

test('the finding has the place, the section and the remark [C-075, ecosystem 3.3]', (t) => {
  const [warning] = warnings(t, '[DEFAULT]\nvolume_group = vg\nenabled_backends = lvm\n[lvm]\n');

  assert.match(
    warning?.finding ?? '',
    /^\/\S+:2: \[DEFAULT\] volume_group has no effect here, move it to \[backend_defaults\]$/,
  );
});

test('unknown options go to DEBUG, or to WARNING where strictness is asked for [L-009]', (t) => {
  const found = warnings(t, '[DEFAULT]\nlogfile = x\nnosuch = 1\n');
  const levels = (strict: boolean): string[] => {
    const written: string[] = [];
    const logger: Logger = { ...silent, log: (level) => written.push(level) };
    logWarnings(found, logger, strict);
    return written;
  };

  assert.deepEqual(
    [levels(false), levels(true)],
    [
      ['WARNING', 'DEBUG'],
      ['WARNING', 'WARNING'],
    ],
  );
});
