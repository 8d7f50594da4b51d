import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendSection } from '../../src/config/backend-section.ts';
import { ConfigurationError } from '../../src/config/problems.ts';
import type { SourcesRequest } from '../../src/config/sources.ts';
import { choice, int, list, multiDict, str } from '../../src/interface/options.ts';
import { configurationOf } from '../support/configuration.ts';

const defaults = {
  group: 'DEFAULT',
  options: { enabled_backends: list([], ''), my_ip: str('10.0.0.1', ''), state_path: str('/s', '') },
};
const general = {
  volume_driver: str('lvm', ''),
  volume_backend_name: str(undefined, ''),
  backend_host: str(undefined, ''),
  volume_clear: choice(['none', 'zero'], 'zero', ''),
  reserved_percentage: int(0, '', { min: 0, max: 100 }),
  target_ip_address: str('$my_ip', ''),
  replication_device: multiDict('', { secret: true }),
};
const rbd = { rbd_pool: str('rbd', ''), rbd_store_chunk_size: int(4, ''), rbd_path: str('$rbd_pool/x', '') };

function aBackend(
  t: Parameters<typeof configurationOf>[0],
  text: string,
  more: Partial<SourcesRequest> = {},
): BackendSection {
  const source = `[DEFAULT]\nenabled_backends = ceph\n${text}`;
  const backend = configurationOf(t, source, { groups: [defaults], backend: [general] }, more).backend('ceph');
  assert.ok(backend);
  return backend;
}

test('an option comes from the section, then from backend_defaults, never from DEFAULT [C-070]', (t) => {
  const backend = aBackend(
    t,
    'volume_clear = none\nreserved_percentage = 9\n[ceph]\nvolume_driver = own\n[backend_defaults]\nvolume_driver = shared\nvolume_backend_name = shared\n',
  );

  const values = backend.values(general);

  assert.deepEqual([values.volume_driver, values.volume_backend_name], ['own', 'shared']);
  assert.deepEqual([values.volume_clear, values.reserved_percentage], ['zero', 0]);
  assert.equal(values.target_ip_address, '10.0.0.1');
});

test('an empty number in the section leaves the one of backend_defaults [C-071]', (t) => {
  const backend = aBackend(t, '[ceph]\nreserved_percentage =\n[backend_defaults]\nreserved_percentage = 7\n');

  assert.equal(backend.values(general).reserved_percentage, 7);
});

test('backend_host counts in the own section alone [C-072, L-070]', (t) => {
  const shared = aBackend(t, 'backend_host = a\n[ceph]\n[backend_defaults]\nbackend_host = b\n');
  const own = aBackend(t, '[ceph]\nbackend_host = c\n');

  assert.equal(shared.values(general).backend_host, undefined);
  assert.equal(own.values(general).backend_host, 'c');
});

test('a driver gets its own options typed, and what nobody declared as text [C-073]', (t) => {
  const backend = aBackend(
    t,
    '[ceph]\nrbd_store_chunk_size = 8\nsan_ip = 10.0.0.9\nsan_url = http://$san_ip/\n[backend_defaults]\nsan_login = me\n',
  );

  assert.deepEqual(backend.values(rbd), { rbd_pool: 'rbd', rbd_store_chunk_size: 8, rbd_path: 'rbd/x' });
  assert.deepEqual(
    [backend.text('san_url'), backend.text('san_login'), backend.text('nosuch')],
    ['http://10.0.0.9/', 'me', undefined],
  );
  assert.deepEqual([...backend.unknown(rbd).keys()].sort(), ['san_ip', 'san_url']);
});

test('variables reach a backend, whatever characters its name has [C-060, C-062, C-073]', (t) => {
  const environment = {
    OS_LVM_1__RESERVED_PERCENTAGE: '5',
    OS_LVM_1__SAN_IP: 'a',
    OS_BACKEND_DEFAULTS__VOLUME_DRIVER: 'x',
  };
  const text = '[DEFAULT]\nenabled_backends = lvm-1\n[lvm-1]\nreserved_percentage = 1\n';

  const backend = configurationOf(t, text, { groups: [defaults], backend: [general] }, { environment }).backends[0];

  const { reserved_percentage, volume_driver } = backend?.values(general) ?? {};
  assert.deepEqual([reserved_percentage, volume_driver, backend?.text('san_ip')], [5, 'x', 'a']);
});

test('a reference in backend_defaults looks there, one in the section looks in both [C-041]', (t) => {
  const text = '[ceph]\nvolume_backend_name = own\nrbd_path = $volume_driver-$rbd_pool\n[backend_defaults]\n';
  const shared = `${text}volume_driver = $volume_backend_name\nvolume_backend_name = shared\n`;

  assert.equal(aBackend(t, shared).values(rbd).rbd_path, 'shared-rbd');
});

test('a wrong value is a problem of this backend only [L-104]', (t) => {
  const text = '[DEFAULT]\nenabled_backends = a,b\n[a]\nvolume_clear = shred\nrbd_store_chunk_size = x\n[b]\n';
  const configuration = configurationOf(t, text, { groups: [defaults], backend: [general] });
  const [a, b] = configuration.backends;

  assert.deepEqual(configuration.problems, []);
  assert.deepEqual(b?.problems(rbd), []);
  assert.equal(b?.values(general).volume_clear, 'zero');
  assert.equal(a?.problems().length, 1);
  assert.equal(a?.problems(rbd).length, 2);
  assert.equal(a?.values({ volume_driver: general.volume_driver }).volume_driver, 'lvm');
  assert.throws(() => a?.values(general), ConfigurationError);
});

test('the message names backend, file and line as it is written there [C-030]', (t) => {
  const text = '[DEFAULT]\nenabled_backends = LVM\n[LVM]\n[backend_defaults]\nvolume_clear = ZERO\n';

  const [backend] = configurationOf(t, text, { groups: [defaults], backend: [general] }).backends;

  assert.match(
    backend?.problems()[0]?.message ?? '',
    /^Value for option backend_defaults\.volume_clear from \S+:5 is not valid: Valid values are \[none, zero\], but found 'ZERO'$/,
  );
});

test('names are trimmed, empty ones skipped, and each backend is there once [L-070, L-076]', (t) => {
  const text = '[DEFAULT]\nenabled_backends = b , ,a,b\n[a]\n[B]\n';

  const { backends } = configurationOf(t, text, { groups: [defaults], backend: [] });

  assert.deepEqual(
    backends.map(({ name, present }) => [name, present]),
    [
      ['b', true],
      ['a', true],
    ],
  );
});

test('a backend without a section says so [L-074]', (t) => {
  const [backend] = configurationOf(t, '[DEFAULT]\nenabled_backends = lvm-2\n', {
    groups: [defaults],
    backend: [general],
  }).backends;

  assert.equal(backend?.present, false);
  assert.equal(backend?.problems()[0]?.message, 'no [lvm-2] section in the configuration');
});

test('of a secret list of dictionaries only the form of the fault is told [C-082]', (t) => {
  const backend = aBackend(t, '[ceph]\nreplication_device = secret_id:x,secret_id:y\n');

  assert.match(backend.problems()[0]?.message ?? '', /is not valid: Duplicate key \*\*\*$/);
  assert.match(backend.problems()[0]?.finding ?? '', /replication_device = \*\*\*: Duplicate key \*\*\*$/);
});

test('the 2015 backend without a name reads DEFAULT [L-075]', (t) => {
  const configuration = configurationOf(
    t,
    '[DEFAULT]\nvolume_driver = own\n[backend_defaults]\nvolume_backend_name = x\n',
    { groups: [defaults], backend: [general] },
  );

  const values = configuration.defaultBackend().values(general);

  assert.deepEqual([values.volume_driver, values.volume_backend_name], ['own', undefined]);
});
