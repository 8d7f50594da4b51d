import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { after, test } from 'node:test';
import { openTransport, type Transport } from '../../src/messaging/transport.ts';
import { adminContext } from '../../src/objects/context.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { FakeEndpoint } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { recordedLogs } from '../support/logs.ts';
import { aClient, aServer, testTarget } from '../support/messaging.ts';
import { otherVirtualHost } from '../support/rabbitmq.ts';
import { connectTo, onEachRabbitMQ, settingsOf } from '../support/with-rabbitmq.ts';

const folder = mkdtempSync('/tmp/certificates-');
after(() => rmSync(folder, { recursive: true, force: true }));
let certificates: Promise<Certificates> | undefined;
const files = (): Promise<Certificates> => {
  certificates ??= makeCertificates(folder);
  return certificates;
};

/** Serves one call over the transport, and ends it. */
async function serves(transport: Transport): Promise<boolean> {
  const server = await aServer(transport, new FakeEndpoint({ echo: { run: (args) => args } }).table);
  const client = aClient(transport, 20);
  const request = { method: 'echo', version: '3.0', args: { a: 1 }, context: adminContext() };
  try {
    const answer = await client.call(testTarget, request, {}, AbortSignal.timeout(20_000));
    return JSON.stringify(answer) === '{"a":1}';
  } finally {
    await server.close();
    await client.close();
    await transport.close();
  }
}

/** Established connections of this machine to a port: rabbitmqctl of 3.x does not list those by AMQP 1.0. */
function connectionsTo(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return lines.filter((line) => {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    return remote.endsWith(wanted) && state === '01';
  }).length;
}

onEachRabbitMQ(
  'connections',
  async () => ({ tls: await files() }),
  (broker, release) => {
    test('names with reserved characters, another virtual host, IPv6 and options of the URL [messaging 5, L-090]', async () => {
      const { port } = broker();
      for (const [virtualHost, hosts] of [
        ['/', [`127.0.0.1:${port}`]],
        [otherVirtualHost, [`localhost:${port}`]],
        ['/', [`[::1]:${port}`]],
      ] as const) {
        const url = broker().url(virtualHost, '?heartbeat_timeout_threshold=30', hosts);
        assert.equal(await serves(await connectTo(url)), true, url);
      }
    });

    test('one connection a service, two on 3.x, under the name of the process [L-097, M-16, M-32, O-25]', async () => {
      const transport = await connectTo(broker().url());
      const server = await aServer(transport, new FakeEndpoint({}).table);
      const text = await broker().ctl('list_connections', '--formatter', 'json', 'protocol', 'client_properties');
      const connections = connectionsTo(broker().port);
      await server.close();
      await transport.close();

      assert.equal(connections, release === '3' ? 2 : 1);
      assert.match(text, new RegExp(`cinder-volume:${process.pid}:[0-9a-f-]{36}`));
    });

    test('TLS verifies whom it talks to, and logs in by password or certificate [M-35, M-36, M-37, M-38]', async () => {
      const { authority, stranger, client } = await files();
      const { tlsPort } = broker();
      const at = (host: string): string => broker().url('/', '', [`${host}:${tlsPort}`]);
      const checked = { ssl: true, ssl_ca_file: authority, ssl_enforce_hostname_verification: true };

      assert.equal(await serves(await connectTo(at('localhost'), checked)), true);
      assert.equal(await serves(await connectTo(at('127.0.0.1'), checked)), true);
      assert.equal(await serves(await connectTo(at('localhost'), { ssl: true })), true);
      const byCertificate = {
        rabbit_login_method: 'EXTERNAL',
        ssl_cert_file: client.certificate,
        ssl_key_file: client.key,
      } as const;
      const url = `rabbit://localhost:${tlsPort}//`;
      assert.equal(await serves(await connectTo(url, { ...checked, ...byCertificate })), true);

      const refused = (url: string, options: object): Promise<unknown> =>
        openTransport(settingsOf(url, options), AbortSignal.timeout(1500)).catch((error: Error) => error.cause);
      assert.match(
        String(await refused(at('localhost'), { ...checked, ssl_ca_file: stranger })),
        /certificate|self.signed|issuer/i,
      );
      assert.match(String(await refused(at('127.0.0.2'), checked)), /127\.0\.0\.2|ECONNREFUSED|altnames/i);
    });

    test('a wrong password is told as such, and not tried without a pause [M-36, M-39]', async () => {
      const { logs, at } = recordedLogs();
      const url = `rabbit://${encodeURIComponent('cin:d@r%')}:wrong@127.0.0.1:${broker().port}/`;
      await assert.rejects(openTransport(settingsOf(url, {}, { logs }), AbortSignal.timeout(7000)));

      assert.match(at('ERROR').join('\n'), /login of user 'cin:d@r%' was refused/);
      assert.ok(at('ERROR').length <= 2, at('ERROR').join('\n'));
    });

    test('a virtual host that is not there is told, and found when it comes [M-42, messaging 4]', async () => {
      const { logs, at } = recordedLogs();
      const settings = settingsOf(broker().url('later'), {}, { logs, retry: { first: 200, most: 200 } });
      const opening = openTransport(settings, AbortSignal.timeout(60_000));
      await eventually('it is told', () => at('ERROR').length > 0, 20_000);

      await broker().ctl('add_vhost', 'later');
      await broker().ctl('set_permissions', '-p', 'later', 'cin:d@r%', '.*', '.*', '.*');

      assert.equal(await serves(await opening), true);
    });

    test('of several hosts whoever answers serves: one that refuses, one that never answers, one that is there [M-45]', async () => {
      const hole = createServer(() => {}).listen(0, '127.0.0.1');
      await once(hole, 'listening');
      const { port: deaf } = hole.address() as AddressInfo;
      const closed = createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const { port: nobody } = closed.address() as AddressInfo;
      closed.close();
      const hosts = [`127.0.0.1:${nobody}`, `127.0.0.1:${deaf}`, `127.0.0.1:${broker().port}`];
      const settings = settingsOf(broker().url('/', '', hosts), {}, { retry: { first: 50, most: 50 } });

      const transport = await openTransport(settings, AbortSignal.timeout(40_000));

      assert.equal(await serves(transport), true);
      hole.close();
    });

    if (release === '3') {
      test('without its plug-in the operator is told the step that is missing [M-31, L-092]', async () => {
        const { logs, at } = recordedLogs();
        await broker().stop('SIGKILL');
        await broker().setPlugins([]);
        await broker().start();

        await assert.rejects(openTransport(settingsOf(broker().url(), {}, { logs }), AbortSignal.timeout(4000)));

        assert.match(at('ERROR').join('\n'), /rabbitmq-plugins enable rabbitmq_amqp1_0/);
      });
    }
  },
);
