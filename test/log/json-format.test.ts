import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { fluentFormat, jsonFormat } from '../../src/log/json-format.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { contextFromMessage } from '../../src/objects/context.ts';
import { aRecord } from '../support/log-record.ts';
import { logIdentity, logValues } from '../support/log-values.ts';
import { capturedMessages } from '../support/wire.ts';

const details = { datefmt: '%Y-%m-%d %H:%M:%S', userIdentity: logValues().logging_user_identity_format };
const format = jsonFormat(details, logIdentity({ serviceHost: 'labhost@fast' }));

/** A value is whatever the test says it is. */
type Parsed = Readonly<Record<string, never>> & Readonly<Record<string, unknown>>;

function rendered(record: LogRecord): Parsed {
  return JSON.parse(format.render(record)) as Parsed;
}

test('an object has the keys of oslo in its order, and ours at the end [G-030, G-034]', () => {
  const record = aRecord({ level: 'WARNING', template: 'a %s', values: ['b'], resource: 'v1', event: 'child.exited' });
  const object = rendered(record);

  assert.equal(
    Object.keys(object).join(' '),
    'message asctime name msg args levelname levelno pathname filename module lineno funcname created msecs ' +
      'relative_created thread thread_name process_name process traceback hostname error_summary context extra ' +
      'service_host role event',
  );
  assert.equal(object['message'], 'a b');
  assert.equal(object['asctime'], '2026-11-23 08:18:58');
  assert.equal(object['msg'], 'a %s');
  assert.deepEqual(object['args'], ['b']);
  assert.equal(object['levelno'], 30);
  assert.equal(object['created'], new Date(2026, 10, 23, 8, 18, 58, 93).getTime() / 1000);
  assert.equal(object['msecs'], 93);
  assert.equal(object['traceback'], null);
  assert.equal(object['error_summary'], '');
  assert.equal(object['hostname'], hostname());
  assert.deepEqual(object['context'], {});
  assert.deepEqual(object['extra'], { project: 'cinder', version: '0.1.0', resource: 'v1' });
  assert.equal(object['service_host'], 'labhost@fast');
  assert.equal(object['role'], 'worker');
  assert.equal(object['event'], 'child.exited');
});

test('an error stands as summary and as list of lines [G-030]', () => {
  const thrown = new TypeError('no');
  thrown.stack = 'x\n    at f (x.js:1:1)';
  const object = rendered(aRecord({ level: 'ERROR', thrown }));

  assert.equal(object['error_summary'], 'TypeError: no');
  assert.deepEqual(object['traceback'], ['TypeError: no', '    at f (x.js:1:1)']);
});

test('the context of a real request is whole, without its token and catalogue [G-031, G-032, O-26]', () => {
  const message = capturedMessages('03-create_volume')
    .map((one) => one.message)
    .find((one) => '_context_request_id' in one);
  assert.ok(message !== undefined);
  const context = contextFromMessage({ ...message, _context_auth_token: 'gAAAcanary' });
  const line = format.render(aRecord({ context }));
  const shown = (JSON.parse(line) as Parsed)['context'] as unknown as Readonly<Record<string, unknown>>;

  assert.equal(
    Object.keys(shown).join(' '),
    'user_name project_name domain_name user_domain_name project_domain_name user project_id system_scope project domain ' +
      'user_domain project_domain is_admin read_only show_deleted auth_token request_id global_request_id resource_uuid ' +
      'roles user_identity is_admin_project user_id domain_id read_deleted remote_address timestamp quota_class ' +
      'service_catalog message_resource_id message_resource_type message_action',
  );
  for (const key of ['request_id', 'user_id', 'project_id', 'roles', 'timestamp', 'read_deleted', 'is_admin']) {
    assert.deepEqual(shown[key], message[`_context_${key}`], key);
  }
  assert.equal(shown['auth_token'], null);
  assert.deepEqual(shown['service_catalog'], []);
  assert.ok(!line.includes('canary'));
});

test('arguments say no more than the message, and only what the template uses [G-030, G-090]', () => {
  const args = (template: string, ...values: unknown[]): unknown => rendered(aRecord({ template, values }))['args'];

  assert.deepEqual(args('%s %d', 'a', 1), ['a', 1]);
  assert.deepEqual(args('%(a)s %%(b)s', { a: 1, b: 2 }), { a: 1 });
  assert.deepEqual(args('%s', { a: 1, b: [true, null] }), [{ a: 1, b: [true, null] }]);
  assert.deepEqual(args('password=%s for %s', 'hunter2', 'ann'), ['***', 'ann']);
  assert.deepEqual(args('run %s', ['tool', '--password', 'hunter2']), ["['tool', '--password', '***']"]);
  assert.deepEqual(args('got %s', { password: 'hunter2' }), ["{'password': '***'}"]);
});

test('every record is one line of valid JSON, whatever its values are [G-033, G-035]', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  const throwing = {
    get name(): string {
      throw new Error('no');
    },
  };
  const odd = [
    1n,
    Symbol('s'),
    () => 1,
    new Map([[1, 2]]),
    new Date(Number.NaN),
    Number.NaN,
    undefined,
    cyclic,
    throwing,
  ];
  for (const value of odd) {
    const line = format.render(aRecord({ template: '%s', values: [value] }));
    assert.ok(!line.includes('\n'));
    JSON.parse(line);
  }

  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.anything({ withBigInt: true, withMap: true })),
      (text, values) => {
        const line = format.render(aRecord({ template: text, values }));
        assert.ok(!line.includes('\n') && !line.includes('\x1b'));
        JSON.parse(line);
      },
    ),
  );
});

test('no canary among the arguments gets into the line [G-090, O-26]', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('password', 'auth_token', 'chap_secret'),
      fc.stringMatching(/^[0-9a-f]{8,20}$/),
      (name, hex) => {
        const secret = `cnry${hex}`;
        for (const [template, values] of [
          [`${name}=%s`, [secret]],
          ['%s', [{ [name]: secret }]],
          ['%s', [{ deep: [{ [name]: secret }] }]],
          ['%r', [[`--${name}`, secret]]],
          ['%s', [JSON.stringify({ [name]: secret })]],
          [`%(a)s ${name}: %(b)s`, [{ a: 1, b: secret }]],
          ['%d %s', ['x', `${name}=${secret}`]],
        ] as const) {
          assert.ok(!format.render(aRecord({ template, values })).includes('cnry'), template);
        }
      },
    ),
  );
});

test("fluentd's form has its own keys [G-007]", () => {
  const object = JSON.parse(fluentFormat(details, logIdentity()).render(aRecord())) as Parsed;

  assert.equal(
    Object.keys(object).join(' '),
    'message time name level filename lineno module funcname process_name cmdline hostname traceback error_summary context extra',
  );
});
