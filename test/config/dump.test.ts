import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpLines } from '../../src/config/dump.ts';
import { bool, float, int, list, multiDict, str } from '../../src/interface/options.ts';
import { configurationOf } from '../support/configuration.ts';

const groups = [
  {
    group: 'DEFAULT',
    options: {
      host: str('labhost', ''),
      enabled_backends: list([], ''),
      transport_url: str(undefined, '', { secret: true }),
      notify_url: str('', ''),
      debug: bool(false, ''),
      ratio: float(1, ''),
      log_date_format: str('', ''),
      a_name_that_is_longer_than_thirty: int(undefined, ''),
    },
  },
  { group: 'vault', options: { root_token_id: str(undefined, ''), vault_url: str('http://x', '') } },
  { group: 'Database', options: { connection: str('sqlite://', ''), retries: int(1, '') } },
];
const backend = {
  volume_group: str('cinder-volumes', ''),
  chap_password: str('', '', { secret: true }),
  nas: str(undefined, ''),
};

function dump(t: Parameters<typeof configurationOf>[0], text: string): string[] {
  const replication_device = multiDict('');
  const args = ['--config-file', 'x'];
  const configuration = configurationOf(t, text, { groups, backend: [backend] }, { args });
  return dumpLines(configuration, () => ({ replication_device })).map((line) =>
    line.replace(/\/\S*cinder\.conf/, 'FILE'),
  );
}

test('the dump has upstream’s layout, order and spelling, and no secret [L-141, L-142, L-143, L-144, L-145, L-146, L-147]', (t) => {
  const text = `[DEFAULT]
enabled_backends = z,a
notify_url = rabbit://user:p@ss:w@h/, http://token@h/
transport_url = rabbit://u:p@h/
[database]
retries = 2
[a]
volume_group = vg
chap_password = x
san_password = y
replication_device = id:1
[z]
[backend_defaults]
nas = d
`;

  assert.deepEqual(dump(t, text), [
    '*'.repeat(80),
    'Configuration options gathered from:',
    "command line args: ['--config-file', 'x']",
    "config files: ['FILE']",
    '='.repeat(80),
    'a_name_that_is_longer_than_thirty = None',
    'config_dir                     = []',
    "config_file                    = ['FILE']",
    'config_source                  = []',
    'debug                          = False',
    "enabled_backends               = ['z', 'a']",
    'host                           = labhost',
    'log_date_format                = ',
    'notify_url                     = rabbit://user:***@h/, http://***@h/',
    'ratio                          = 1.0',
    'transport_url                  = ****',
    'backend_defaults.nas           = d',
    'database.connection            = sqlite://',
    'database.retries               = 2',
    'vault.root_token_id            = ****',
    'vault.vault_url                = http://x',
    'z.nas                          = d',
    'a.chap_password                = ****',
    'a.nas                          = d',
    "a.replication_device           = [{'id': '1'}]",
    'a.san_password                 = ****',
    'a.volume_group                 = vg',
    '*'.repeat(80),
  ]);
});

test('a value that cannot be read is a line of its own, and the dump goes on [L-148]', (t) => {
  const lines = dump(t, '[DEFAULT]\ndebug = maybe\nenabled_backends = a\n[a]\nreplication_device = x\n');

  const wrong = lines.filter((line) => line.includes('<invalid: '));
  assert.deepEqual(wrong, [
    "debug                          = <invalid: Unexpected boolean value 'maybe'>",
    'a.replication_device           = <invalid: Value should be NAME:VALUE pairs separated by ",">',
  ]);
  assert.equal(lines.at(-1), '*'.repeat(80));
});
