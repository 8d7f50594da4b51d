import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dispatcher } from '../../src/messaging/dispatcher.ts';
import { requestOf } from '../../src/messaging/envelope.ts';
import { FakeEndpoint } from '../support/endpoint.ts';
import { capturedMessages } from '../support/wire.ts';

const { table } = new FakeEndpoint({ get_capabilities: {}, terminate_connection: {}, _init_host: {} });
const dispatch = dispatcher(table, { ping: false });

test('unknown methods and versions fail as upstream says it [rpc 2.1, R-11]', () => {
  const captures = capturedMessages('26-error-replies');
  let compared = 0;
  for (const [at, { message }] of captures.entries()) {
    const failure = captures[at + 1]?.message['failure'];
    if (typeof message['method'] !== 'string' || typeof failure !== 'string') continue;
    const { class: name, module, message: text } = JSON.parse(failure);
    if (module !== 'oslo_messaging.rpc.dispatcher') continue;
    assert.throws(() => dispatch(requestOf(message)), { name, module, message: text });
    compared += 1;
  }
  assert.equal(compared, 4);
});

test('every version from 3.0 to ours is served, nothing else [rpc 2.1, rpc 3]', () => {
  const served = (version: string): boolean => {
    try {
      return dispatch({ method: 'get_capabilities', version, namespace: null }) !== undefined;
    } catch {
      return false;
    }
  };

  const ours = Array.from({ length: 21 }, (_, minor) => `3.${minor}`);
  assert.deepEqual([...ours, '3.18.1'].filter(served), [...ours, '3.18.1']);
  assert.deepEqual(['3.21', '3.99', '2.0', '4.0', '3', '', '1.0', 'x.y', '3.-1', ' 3.0'].filter(served), []);
});

test('what is not in the table does not exist: private names, names that every object has [rpc 2.1]', () => {
  for (const method of ['_init_host', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    assert.throws(() => dispatch({ method, version: '3.0', namespace: null }), { name: 'NoSuchMethod' }, method);
  }
});

test('a namespace that nobody serves is an unsupported version, as upstream [rpc 2]', () => {
  assert.throws(() => dispatch({ method: 'get_capabilities', version: '3.0', namespace: 'x' }), {
    name: 'UnsupportedVersion',
  });
});

test('the ping of probes is answered where it is enabled, without a version [O-15]', async () => {
  const ping = { method: 'oslo_rpc_server_ping', version: '1.0', namespace: null };
  const method = dispatcher(table, { ping: true })(ping);
  const operation = await method
    .request({} as Parameters<typeof method.request>[0], {})
    .record(new AbortController().signal);

  assert.equal(await operation?.run(new AbortController().signal), 'pong');
  assert.throws(() => dispatch(ping), { name: 'UnsupportedVersion' });
});
