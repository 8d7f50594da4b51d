import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  embeddedListener,
  parseTransportUrl,
  transportUrlOf,
  WrongTransportUrl,
  withUrlOptions,
} from '../../src/messaging/transport-url.ts';
import { rabbitPresets } from '../support/messaging.ts';

const nobody = { host: undefined, port: undefined, user: undefined, password: undefined };

test('the preset means a guest on this machine [L-090, messaging 5]', () => {
  assert.deepEqual(parseTransportUrl('rabbit://'), { kind: 'rabbit', hosts: [], virtualHost: '/', options: {} });
});

test('hosts, credentials and virtual host are decoded after the URL was split [messaging 5]', () => {
  const url = parseTransportUrl('rabbit://us%40er:p%2Fa%2C%3As@one:5673,us:x@[fe80::1]:99,two/v%2Fh?ssl=true');

  assert.deepEqual(url.hosts, [
    { host: 'one', port: 5673, user: 'us@er', password: 'p/a,:s' },
    { host: 'fe80::1', port: 99, user: 'us', password: 'x' },
    { ...nobody, host: 'two' },
  ]);
  assert.deepEqual([url.virtualHost, url.options], ['v/h', { ssl: 'true' }]);
});

test('a password may contain unescaped @ and :, as in oslo [messaging 5]', () => {
  const [host] = parseTransportUrl('rabbit://u:p@ss:word@h/').hosts;

  assert.deepEqual(host, { host: 'h', port: undefined, user: 'u', password: 'p@ss:word' });
});

test('the virtual host: nothing or / is /, // is / as well [messaging 5]', () => {
  const of = (text: string) => parseTransportUrl(text).virtualHost;

  assert.deepEqual(['rabbit://h', 'rabbit://h/', 'rabbit://h//', 'rabbit://h/name'].map(of), ['/', '/', '/', 'name']);
});

test('aliases of 2015 name RabbitMQ [L-091]', () => {
  const kinds = ['kombu', 'RABBIT', 'cinder.openstack.common.rpc.impl_kombu', 'cinder.rpc.impl_kombu'].map(
    (scheme) => parseTransportUrl(`${scheme}://h`).kind,
  );

  assert.deepEqual(new Set(kinds), new Set(['rabbit']));
  assert.equal(parseTransportUrl('embedded://').kind, 'embedded');
});

test('rpc_backend counts where transport_url is not set [L-091]', () => {
  const preset = { transport_url: 'rabbit://' };

  assert.equal(transportUrlOf({ ...preset, rpc_backend: 'cinder.openstack.common.rpc.impl_kombu' }).kind, 'rabbit');
  assert.throws(() => transportUrlOf({ ...preset, rpc_backend: 'cinder.rpc.impl_qpid' }), /qpid/);
  assert.equal(transportUrlOf({ transport_url: 'embedded://', rpc_backend: 'zmq' }).kind, 'embedded');
});

test('a driver that is not served is named with what to use instead [L-091, messaging 5]', () => {
  for (const scheme of ['amqp', 'kafka', 'qpid', 'zmq', 'kombu+memory', 'http', 'constructor']) {
    assert.throws(
      () => parseTransportUrl(`${scheme}://h`),
      (error: Error) =>
        error instanceof WrongTransportUrl && error.message.includes(scheme) && /use rabbit:\/\//.test(error.message),
      scheme,
    );
  }
  assert.throws(() => parseTransportUrl('amqp://h'), /removed in 15\.0 \(OpenStack 2025\.1\)/);
});

test('what cannot be read is told without the secret in it [O-26]', () => {
  const wrong = [
    '',
    'rabbit',
    'rabbit:/x',
    'rabbit://u:canary@h:port',
    'rabbit://u:cana,ry@h',
    'rabbit://u:canary/x@h',
  ];
  for (const text of [...wrong, 'rabbit://u:canary%zz@h', 'rabbit://u:canary@h:99999']) {
    assert.throws(
      () => parseTransportUrl(text),
      (error: Error) => error instanceof WrongTransportUrl && !/cana|ry@/.test(error.message),
      text,
    );
  }
});

test('options behind the question mark override the file, typed as there [messaging 5]', () => {
  const url = parseTransportUrl(
    'rabbit://h/?ssl=True&heartbeat_timeout_threshold=30&kombu_reconnect_delay=0.5&ssl_ca_file=/ca',
  );
  const { ssl, heartbeat_timeout_threshold, kombu_reconnect_delay, ssl_ca_file, rabbit_retry_interval } =
    withUrlOptions(rabbitPresets, url);

  assert.deepEqual(
    [ssl, heartbeat_timeout_threshold, kombu_reconnect_delay, ssl_ca_file, rabbit_retry_interval],
    [true, 30, 0.5, '/ca', 1],
  );
  for (const query of ['sll=true', 'ssl=maybe', 'rabbit_retry_interval=soon', 'kombu_failover_strategy=best']) {
    const name = query.split('=')[0] ?? '';
    assert.throws(() => withUrlOptions(rabbitPresets, parseTransportUrl(`rabbit://h/?${query}`)), new RegExp(name));
  }
});

test('the embedded broker listens on loopback, elsewhere only with a password [M-60]', () => {
  const of = (text: string) => embeddedListener(parseTransportUrl(text));

  assert.deepEqual(of('embedded://'), {
    host: '127.0.0.1',
    port: 5672,
    portGiven: false,
    user: 'cinder',
    password: undefined,
  });
  assert.deepEqual(of('embedded://:0'), { ...of('embedded://'), port: 0, portGiven: true });
  assert.deepEqual(of('embedded://me:secret@0.0.0.0:7000'), {
    host: '0.0.0.0',
    port: 7000,
    portGiven: true,
    user: 'me',
    password: 'secret',
  });
  for (const text of ['embedded://0.0.0.0', 'embedded://me@10.0.0.1', 'embedded://a,b']) assert.throws(() => of(text));
});
