import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { contextFor, contextFromMessage, type RequestContext } from '../../src/objects/context.ts';
import { glance } from '../../src/openstack/glance.ts';
import { HttpClient } from '../../src/openstack/http.ts';
import { type GlanceValues, glanceOptions } from '../../src/openstack/options.ts';
import { imageServiceSuite } from '../conformance/image-service.ts';
import { aFolder } from '../support/folder.ts';
import { GlanceStandIn } from '../support/glance-stand-in.ts';
import { presets } from '../support/presets.ts';

const signal = new AbortController().signal;
const context = contextFor({ user_id: 'u', project_id: 'p' });
const transfer = { signal, progress: () => {} };

function client(t: Pick<TestContext, 'after'>, changes: Partial<GlanceValues>, timeout = 20) {
  const files = { cafile: undefined, certfile: undefined, keyfile: undefined };
  const http = new HttpClient({ insecure: false, ...files, timeout });
  t.after(() => http.close());
  const values = { ...presets(glanceOptions), ...changes };
  return glance({ http, values, serviceToken: undefined, log: silent, pause: 1 });
}

async function setUp(t: TestContext, changes: Partial<GlanceValues> = {}) {
  const server = await GlanceStandIn.start(t);
  return { server, images: client(t, { glance_api_servers: [server.url], ...changes }) };
}

imageServiceSuite('the stand-in', async (t) => {
  const { server, images } = await setUp(t);
  return { images, make: async (meta) => server.add(meta) };
});

test('no answer and 503 are tried again, and a download begins anew when it broke off [config 12.1]', async (t) => {
  const { server, images } = await setUp(t);
  const data = Buffer.alloc(400_000, 3);
  const id = server.add({}, data);
  const file = join(aFolder(t), 'f');
  server.mishaps.push({ status: 503 }, {}, { cutAfter: 100_000 });

  const image = await images.show(context, id, signal);
  await images.download(context, image, file, transfer);

  assert.ok((await readFile(file)).equals(data));
  assert.equal(server.requests.length, 4);
});

test('when no try is left it is GlanceConnectionFailed, and says why [manager 4.4]', async (t) => {
  const { server, images } = await setUp(t, { glance_num_retries: 1 });
  server.mishaps.push({ status: 503 }, { status: 503 });

  await assert.rejects(images.show(context, 'x', signal), {
    name: 'GlanceConnectionFailed',
    message: 'Connection to glance failed: HTTP 503',
  });
  assert.equal(server.requests.length, 2);
});

test('a server that is down is passed over [config 12.1]', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const dead = `127.0.0.1:${(closed.address() as AddressInfo).port}`;
  closed.close();
  const server = await GlanceStandIn.start(t);
  const images = client(t, { glance_api_servers: [dead, server.url], glance_num_retries: 1 });
  const id = server.add();

  for (let n = 0; n < 4; n++) assert.equal((await images.show(context, id, signal)).id, id);
});

test('data that are not what Glance has the hash of are refused [manager 4.5]', async (t) => {
  const { server, images } = await setUp(t);
  const id = server.add({}, Buffer.alloc(10));
  const image = await images.show(context, id, signal);
  server.mishaps.push({ corrupt: true });

  const download = images.download(context, image, join(aFolder(t), 'f'), transfer);

  await assert.rejects(download, { name: 'ImageDownloadFailed', message: /Corrupt image download/ });
});

test('statuses become the classes of Cinder [manager 4.4, rpc 7]', async (t) => {
  const { server, images } = await setUp(t);
  const file = join(aFolder(t), 'f');
  await writeFile(file, Buffer.alloc(5_000_000));
  const cases = [
    [400, 'Invalid'],
    [401, 'ImageNotAuthorized'],
    [403, 'ImageNotAuthorized'],
    [404, 'ImageNotFound'],
    [413, 'ImageLimitExceeded'],
    [500, 'GlanceConnectionFailed'],
  ] as const;

  for (const [status, name] of cases) {
    server.mishaps.push({ status });
    const upload = images.upload(context, server.add(), file, { gzip: false, store: undefined }, transfer);
    await assert.rejects(upload, { name });
  }
});

test('the token and the request id of the caller go along, and the catalogue tells the server [objects 7]', async (t) => {
  const server = await GlanceStandIn.start(t);
  const id = server.add();
  const catalogue = [{ type: 'image', name: 'glance', endpoints: [{ publicURL: `${server.url}/v2/` }] }];
  const user: RequestContext = contextFromMessage({
    _context_auth_token: 'gAAA',
    _context_request_id: 'req-7',
    _context_service_catalog: catalogue,
  });

  await client(t, {}).show(user, id, signal);

  const [request] = server.requests;
  assert.deepEqual(
    [request?.line, request?.headers['x-auth-token'], request?.headers['x-openstack-request-id']],
    [`GET /v2/images/${id}`, 'gAAA', 'req-7'],
  );
});

test('without servers and catalogue it says what is missing', async (t) => {
  await assert.rejects(client(t, {}).show(context, 'x', signal), { message: /glance_api_servers is not set/ });
});

test('silence ends a request [config 12.1]', async (t) => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  t.after(() => mute.close());
  const url = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
  const images = client(t, { glance_api_servers: [url], glance_num_retries: 0 }, 0.2);

  await assert.rejects(images.show(context, 'x', signal), {
    name: 'GlanceConnectionFailed',
    message: /no byte in 0.2 s/,
  });
});

test('an image in a file of this host is read there, where that is allowed [config 12.1]', async (t) => {
  const { server, images } = await setUp(t, { allowed_direct_url_schemes: ['file'] });
  const folder = aFolder(t);
  await writeFile(join(folder, 'direct'), 'direct data');
  const id = server.add({ direct_url: `file://${join(folder, 'direct')}` }, Buffer.from('direct data'));
  const image = await images.show(context, id, signal);

  await images.download(context, image, join(folder, 'f'), transfer);

  assert.equal(await readFile(join(folder, 'f'), 'utf8'), 'direct data');
  assert.equal(server.requests.length, 1);
});
