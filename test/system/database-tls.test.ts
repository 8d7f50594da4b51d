import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { messageOf } from '../../src/base/errors.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { cinderManageSync } from '../support/cinder-manage.ts';
import { aDaemon, aRunningDaemon, fileBackend } from '../support/daemon.ts';
import { repository } from '../support/repository.ts';
import { opened } from '../support/server-bench.ts';
import { type Case, kinds, type Says } from '../support/tls-cases.ts';
import type { TlsServer } from '../support/tls-servers.ts';

for (const kind of kinds) {
  describe(`${kind.name} by TLS`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vd-'));
    let files: Certificates;
    let subject: TlsServer;
    before(async () => {
      chmodSync(folder, 0o755);
      files = await makeCertificates(folder);
      // libpq wants a key that nobody else can read.
      chmodSync(files.client.key, 0o600);
      subject = await kind.start(folder, files);
      await subject.server.admin('create database cinder');
      // Cinder's own program makes the tables, by the same URL that the daemon gets.
      await cinderManageSync(folder, urlOf(kind.trusting(files)));
    });
    after(async () => {
      await subject?.server.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const urlOf = (says: Says): string => {
      const url = subject.server.url('cinder');
      const query = new URLSearchParams(says).toString();
      return query === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${query}`;
    };

    function decided(what: string, cases: readonly Case[], around: (body: () => Promise<void>) => Promise<void>) {
      test(`${kind.name}: ${what} as Cinder's own client takes it, and the error says why [config 12.3, database 1.1]`, async (t) => {
        await around(async () => {
          const urls = cases.map(({ says }) => urlOf(says(files)));
          const theirs = theirOutcomes(urls);
          const ours: (string | null)[] = [];
          for (const url of urls) ours.push(await outcomeOf(t, url));

          assert.deepEqual(
            ours.map((error) => error === null),
            theirs.map((error) => error === null),
            JSON.stringify({ ours, theirs }, undefined, 1),
          );
          for (const [at, { what: said, refused }] of cases.entries()) {
            const error: string = ours[at] ?? '';
            if (refused === undefined) assert.equal(error, '', said);
            else assert.match(error, refused, said);
            assert.doesNotMatch(error, /p%40ss|p@ss/);
          }
        });
      });
    }

    decided('each way to ask for TLS ends', kind.cases, (body) => body());
    decided("a server that shows another's certificate is taken or left", kind.ofAnother, async (body) => {
      await subject.show('client');
      await body().finally(() => subject.show('server'));
    });
    decided('a server that wants a certificate gets it', kind.wanted, async (body) => {
      await subject.wantCertificate(true);
      await body().finally(() => subject.wantCertificate(false));
    });

    test(`${kind.name}: the daemon works by TLS [config 12.3]`, async (t) => {
      const daemon = await aRunningDaemon(t, settingsOf(urlOf(kind.trusting(files))));

      const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');
      await daemon.does('volume', 'delete', '--wait', 'demo');

      assert.equal(made['status'], 'available');
    });

    test(`${kind.name}: with a wrong authority the daemon says so and waits, and its commands fail [config 12.3, L-035]`, async (t) => {
      const daemon = aDaemon(t, settingsOf(urlOf(kind.suspicious(files))));

      daemon.start();
      const line = await daemon.logs(/SQL connection failed/, 60_000);
      const { code, stderr } = await daemon.command('volume', 'list');

      assert.match(line, /WARNING.*certificate/);
      assert.notEqual(code, 0);
      assert.match(stderr, /certificate/);
      assert.doesNotMatch(`${stderr}${daemon.logText()}`, /p%40ss|p@ss/);
    });
  });
}

function settingsOf(url: string) {
  // `%` and `$` have a meaning in the file.
  const connection = url.replaceAll('$', '$$$$');
  return { backends: { one: fileBackend }, sections: { database: { connection, max_retries: 1, retry_interval: 1 } } };
}

async function outcomeOf(t: Parameters<typeof opened>[0], url: string): Promise<string | null> {
  try {
    await opened(t, url, { max_retries: 0 });
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** What SQLAlchemy's drivers say of each URL. */
function theirOutcomes(urls: readonly string[]): readonly (string | null)[] {
  const script = join(repository, 'test/system/database-tls.py');
  const home = { ...process.env, HOME: '/nonexistent' };
  return JSON.parse(
    execFileSync('/usr/bin/python3', ['-W', 'ignore', script], {
      input: JSON.stringify(urls),
      env: home,
      encoding: 'utf8',
    }),
  );
}
