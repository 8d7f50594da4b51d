import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HttpClient } from '../../src/openstack/http.ts';
import { ServiceToken } from '../../src/openstack/keystone.ts';
import { NovaClient } from '../../src/openstack/nova-client.ts';
import { novaSnapshots } from '../../src/openstack/nova-snapshots.ts';
import { novaGroup } from '../../src/openstack/options.ts';
import { NovaStandIn } from '../support/nova-stand-in.ts';
import { presets } from '../support/presets.ts';

const { signal } = new AbortController();

async function setUp(t: TestContext) {
  const server = await NovaStandIn.start(t);
  const trust = { insecure: false, cafile: undefined, certfile: undefined, keyfile: undefined };
  const http = new HttpClient({ ...trust, timeout: 10 });
  t.after(() => http.close());
  const user = { auth_url: server.url, username: 'cinder', password: 'pw', project_name: 'service' };
  const values = { ...presets(novaGroup.options), ...user, region_name: 'R1', interface: 'internalURL' as const };
  const nova = novaSnapshots(new NovaClient({ http, values, token: new ServiceToken(http, values) }));
  return { server, nova };
}

const creation = { type: 'qcow2', new_file: 'volume-v1.s1', snapshot_id: 's1' } as const;
const deletion = { type: 'qcow2', volume_id: 'v1', file_to_merge: 'volume-v1.s1', merge_target_file: null } as const;

test('Nova is ordered to take and to merge snapshots as upstream orders it [manager 16, storage 3.3, config 12.7]', async (t) => {
  const { server, nova } = await setUp(t);

  await nova.createVolumeSnapshot('v1', creation, signal);
  await nova.deleteVolumeSnapshot('s1', deletion, signal);

  assert.deepEqual(
    server.requests.map(({ method, path, content }) => [method, path, content]),
    [
      ['POST', 'os-assisted-volume-snapshots', { snapshot: { volume_id: 'v1', create_info: creation } }],
      ['DELETE', 'os-assisted-volume-snapshots/s1', deletion],
    ],
  );
  for (const { headers } of server.requests) {
    assert.equal(headers['x-auth-token'], 'token-1');
    assert.equal(headers['openstack-api-version'], 'compute 2.1');
  }
});

test('a token that Nova refuses is replaced, once [config 12.7]', async (t) => {
  const { server, nova } = await setUp(t);
  const refusal = { status: 401 };

  server.answers.push(refusal);
  await nova.createVolumeSnapshot('v1', creation, signal);
  const used = server.requests.map(({ headers }) => headers['x-auth-token']);
  server.answers.push(refusal, refusal);
  const again = nova.createVolumeSnapshot('v1', creation, signal);

  assert.deepEqual(used, ['token-1', 'token-2']);
  await assert.rejects(again, { message: 'Nova answers HTTP 401' });
  assert.equal(server.requests.length, 4);
});

test('what Nova does not take is a failure in its own words, also behind a proxy that speaks HTML [manager 16]', async (t) => {
  const { server, nova } = await setUp(t);
  server.answers.push({ status: 400, body: JSON.stringify({ badRequest: { code: 400, message: 'not attached' } }) });
  server.answers.push({ status: 503, body: '<html>nobody there</html>' });

  await assert.rejects(nova.createVolumeSnapshot('v1', creation, signal), {
    message: 'Nova answers HTTP 400: not attached',
  });
  await assert.rejects(nova.deleteVolumeSnapshot('s1', deletion, signal), { message: 'Nova answers HTTP 503' });
});
