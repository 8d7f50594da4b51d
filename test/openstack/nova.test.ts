import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { HttpClient } from '../../src/openstack/http.ts';
import { ServiceToken } from '../../src/openstack/keystone.ts';
import { nova } from '../../src/openstack/nova.ts';
import { NovaClient } from '../../src/openstack/nova-client.ts';
import { novaGroup } from '../../src/openstack/options.ts';
import { presets } from '../support/presets.ts';
import { aLogger } from '../support/recording-logger.ts';

const signal = new AbortController().signal;

/** Keystone and Nova in one server: a token, a catalogue with Nova in region R1, and a server `gone` that it knows no more. */
async function setUp(t: TestContext, lifetime = 3600, changes: Readonly<Record<string, unknown>> = {}) {
  const requests: { line: string; token: unknown; version: unknown; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as { events?: { server_uuid: string }[] };
    const { 'x-auth-token': token, 'x-openstack-nova-api-version': version } = request.headers;
    requests.push({ line: `${request.method} ${request.url}`, token, version, body });
    if (request.url === '/v3/auth/tokens') {
      const endpoints = [{ interface: 'public', region: 'R1', url: `${url}/compute/` }];
      const expires_at = new Date(Date.now() + lifetime * 1000).toISOString();
      response.writeHead(201, { 'X-Subject-Token': `token-${requests.length}` });
      response.end(JSON.stringify({ token: { expires_at, catalog: [{ type: 'compute', endpoints }] } }));
    } else if (request.method === 'PUT') {
      response.writeHead(request.url?.includes('/gone/') ? 404 : 202);
      response.end(request.url?.includes('/gone/') ? '{"itemNotFound": {"message": "no such server"}}' : '');
    } else {
      const codes: Readonly<Record<string, number | undefined>> = { gone: 404, unjudged: undefined };
      const codeOf = (id: string): number | undefined => (id in codes ? codes[id] : 200);
      const events = body.events?.map((event) => ({ ...event, code: codeOf(event.server_uuid) }));
      response.end(JSON.stringify({ events }));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const files = { cafile: undefined, certfile: undefined, keyfile: undefined };
  const http = new HttpClient({ insecure: false, ...files, timeout: 10 });
  t.after(async () => {
    await http.close();
    server.closeAllConnections();
    server.close();
  });
  const user = { auth_url: `${url}/v3/`, username: 'cinder', password: 'pw', project_name: 'service' };
  const values = { ...presets(novaGroup.options), ...user, user_domain_name: 'Default', region_name: 'R1', ...changes };
  const logger = aLogger();
  const client = new NovaClient({ http, values, token: new ServiceToken(http, values) });
  return { requests, logger, compute: nova(client, logger) };
}

test('Nova is told of an event for each server, with a token of our own that is kept [manager 16, config 12.7]', async (t) => {
  const { requests, compute } = await setUp(t);

  await compute.tellServers('volume-reimaged', 'v1', ['s1', 's2'], signal);
  await compute.tellServers('volume-extended', 'v1', ['s1'], signal);

  const event = (name: string, server_uuid: string) => ({ name, server_uuid, tag: 'v1' });
  assert.deepEqual(
    requests.map(({ line, token, version }) => [line, token, version]),
    [
      ['POST /v3/auth/tokens', undefined, undefined],
      ['POST /compute/os-server-external-events', 'token-1', '2.93'],
      ['POST /compute/os-server-external-events', 'token-1', '2.51'],
    ],
  );
  assert.deepEqual(requests[0]?.body, {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: 'cinder', domain: { name: 'Default' }, password: 'pw' } },
      },
      scope: { project: { name: 'service', domain: { id: 'default' } } },
    },
  });
  assert.deepEqual(requests[1]?.body, { events: [event('volume-reimaged', 's1'), event('volume-reimaged', 's2')] });
});

test('Nova is asked to have a server change one volume for another, and a refusal is told as it is [manager 9.2, manager 16]', async (t) => {
  const { requests, compute } = await setUp(t);

  await compute.swapVolume('s1', 'v1', 'v2', signal);
  await assert.rejects(compute.swapVolume('gone', 'v1', 'v2', signal), {
    message: 'Nova answers HTTP 404: no such server',
  });

  const { line, version, body } = requests[1] ?? {};
  assert.equal(line, 'PUT /compute/servers/s1/os-volume_attachments/v1');
  assert.deepEqual([version, body], ['2.1', { volumeAttachment: { volumeId: 'v2' } }]);
});

test('a token that ends soon is replaced, and an application credential needs no project [config 12.7]', async (t) => {
  const credential = {
    auth_type: 'v3applicationcredential',
    application_credential_id: 'c',
    application_credential_secret: 's',
  };
  const { requests, compute } = await setUp(t, 30, credential);

  await compute.tellServers('volume-reimaged', 'v1', ['s1'], signal);

  const asked = requests.filter(({ line }) => line === 'POST /v3/auth/tokens');
  assert.equal(asked.length, 2);
  assert.deepEqual(asked[0]?.body, {
    auth: { identity: { methods: ['application_credential'], application_credential: { id: 'c', secret: 's' } } },
  });
});

test('an event that does not reach a server is logged; no answer about one is a failure, as is no way to Nova [manager 16]', async (t) => {
  const { compute, logger } = await setUp(t);
  const elsewhere = (await setUp(t, 3600, { region_name: 'R2' })).compute;
  const nowhere = (await setUp(t, 3600, { auth_url: undefined })).compute;

  await compute.tellServers('volume-extended', 'v1', ['s1', 'gone'], signal);
  assert.equal(logger.lines.length, 1);
  assert.match(logger.lines[0] ?? '', /^WARNING Nova event: .*"gone".* returned with failed status\.$/);
  await assert.rejects(compute.tellServers('volume-extended', 'v1', ['s1', 'unjudged'], signal), {
    message: 'Nova says what became of 1 of 2 events volume-extended',
  });
  await assert.rejects(
    elsewhere.tellServers('volume-extended', 'v1', ['s1'], signal),
    /no public endpoint of compute in R2/,
  );
  await assert.rejects(nowhere.tellServers('volume-extended', 'v1', ['s1'], signal), /auth_url is not set/);
});
