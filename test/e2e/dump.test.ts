import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aRunningDaemon, fakeBackend } from '../support/daemon.ts';

test('the configuration is in the debug log, once, as oslo.config lays it out [A14, L-140, L-141, L-142, L-144, L-145, L-146]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { one: fakeBackend({ san_password: 'canary1', vendor_api_token: 'canary2', chap_password: 'canary3' }) },
    defaults: { host: 'labhost', debug: true, my_ip: '192.0.2.1' },
    sections: {
      vault: { root_token_id: 'canary4' },
      profiler: { hmac_keys: 'canary5' },
      database: { slave_connection: 'mysql://someone:canary6@elsewhere/cinder' },
      keystone_authtoken: { password: 'canary7' },
    },
  });

  const mine = new RegExp(`^\\S+ \\S+ ${daemon.pid} DEBUG oslo_service\\.service \\[.*?\\] (.*?) \\S+ \\S+:\\d+$`);
  const lines = daemon
    .logText()
    .split('\n')
    .flatMap((line) => mine.exec(line)?.[1] ?? []);
  const from = lines.indexOf('Full set of CONF:');
  const dump = lines.slice(from + 1, lines.lastIndexOf('*'.repeat(80)) + 1);

  assert.equal(daemon.logged(/Full set of CONF:/).length, 1);
  assert.deepEqual(dump.slice(0, 5), [
    '*'.repeat(80),
    'Configuration options gathered from:',
    `command line args: ['--config-file', '${daemon.conf}']`,
    `config files: ['${daemon.conf}']`,
    '='.repeat(80),
  ]);
  assert.equal(dump.at(-1), '*'.repeat(80));
  const options = dump.slice(5, -1);
  for (const line of options) assert.match(line, /^\S+ *= ?/);
  for (const line of options) assert.ok(line.indexOf(' =') >= 30, line);
  for (const wanted of [
    'host                           = labhost',
    'debug                          = True',
    "enabled_backends               = ['one']",
    'backdoor_port                  = None',
    'one.san_password               = ****',
    'one.vendor_api_token           = ****',
  ]) {
    assert.ok(options.includes(wanted), wanted);
  }
  const groups = options.map((line) => /^([\w-]+)\./.exec(line)?.[1] ?? 'DEFAULT');
  const order = groups.filter((group, index) => group !== groups[index - 1]);
  assert.deepEqual(order, ['DEFAULT', ...order.slice(1, -1).sort(), 'one']);
  assert.doesNotMatch(daemon.logText() + daemon.printed, /canary/);
});

test('nothing is dumped without debug, or where log_options is off [L-140]', async (t) => {
  const [quiet, off] = await Promise.all([
    aRunningDaemon(t, { backends: { one: fakeBackend() } }),
    aRunningDaemon(t, { backends: { one: fakeBackend() }, defaults: { debug: true, log_options: false } }),
  ]);

  assert.doesNotMatch(quiet.logText() + off.logText(), /Full set of CONF|\*{80}/);
});
