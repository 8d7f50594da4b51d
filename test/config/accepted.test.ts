import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptedBackendOptions, acceptedGroups } from '../../src/config/accepted/accepted.ts';
import { machineDefaults } from '../../src/config/defaults.ts';
import { dumpLines } from '../../src/config/dump.ts';
import { sampleText } from '../../src/config/sample.ts';
import { joinTables } from '../../src/config/schema.ts';
import { host, int, list, str } from '../../src/interface/options.ts';
import { configurationOf } from '../support/configuration.ts';

const read = {
  group: 'DEFAULT',
  options: { enabled_backends: list([], ''), state_path: str('/s', ''), my_ip: host(undefined, '') },
};
const schema = { groups: [read, ...acceptedGroups], backend: acceptedBackendOptions };
const defaults = machineDefaults();

test('what is accepted without effect has sound defaults and help, and no place in the sample [config 12]', (t) => {
  const configuration = configurationOf(t, '', schema, { defaults });

  assert.deepEqual(configuration.problems, []);
  assert.deepEqual(configuration.backendDefaults().problems(), []);
  for (const { options } of acceptedGroups) {
    for (const option of Object.values(options)) assert.ok(option.ignored && option.help !== '');
  }
  assert.doesNotMatch(sampleText(schema), /glance|keystone|volume_group/);
});

test('it is checked and dumped all the same, its secrets masked [config 12, C-082, L-145, L-146]', (t) => {
  const text = `[DEFAULT]
enabled_backends = lvm
auth_strategy = token
[keystone_authtoken]
memcache_secret_key = hidden
[profiler]
hmac_keys = hidden
[vault]
root_token_id = hidden
approle_secret_id = hidden
[key_manager]
fixed_key = hidden
[cache]
backend_argument = hidden
[nova]
password = hidden
application_credential_secret = hidden
[lvm]
volume_clear = shred
nas_password = hidden
replication_device = backend_id:hidden
`;

  const configuration = configurationOf(t, text, schema, { defaults });

  assert.deepEqual(
    configuration.problems.map(({ reason }) => reason),
    ["Valid values are [noauth, noauth_include_project_id, keystone], but found 'token'"],
  );
  assert.deepEqual(
    configuration
      .backend('lvm')
      ?.problems()
      .map(({ reason }) => reason),
    ["Valid values are [none, zero], but found 'shred'"],
  );
  assert.doesNotMatch(dumpLines(configuration).join('\n'), /hidden/);
});

test('the option of a room counts where it is accepted here as well, in either order', () => {
  const ours = { volume_group: int(1, 'read') };
  const accepted = { volume_group: { ...str('x', 'not read'), ignored: true } };

  assert.equal(joinTables([ours, accepted])['volume_group'], ours.volume_group);
  assert.equal(joinTables([accepted, ours])['volume_group'], ours.volume_group);
  assert.throws(() => joinTables([ours, { volume_group: int(2, 'read') }]), /volume_group is declared twice/);
});

test('the auth plug-ins of a section take their older names [config 12.7, C-050]', (t) => {
  const nova = acceptedGroups.find(({ group }) => group === 'nova');
  assert.ok(nova);

  const values = configurationOf(t, '[nova]\nauth_plugin = password\ntenant_name = service\n', schema).values(nova);

  assert.deepEqual([values['auth_type'], values['project_name']], ['password', 'service']);
});
