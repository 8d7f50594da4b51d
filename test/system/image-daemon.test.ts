import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificates } from '../support/certificates.ts';
import type { Section } from '../support/daemon.ts';
import { aFolder } from '../support/folder.ts';
import { GlanceStandIn } from '../support/glance-stand-in.ts';
import { anImageDaemon } from '../support/image-daemon.ts';

test('the daemon reads its Glance from the file, and what it cannot take ends in error with a reason [manager 4.4, config 12.1]', async (t) => {
  const glance = await GlanceStandIn.start(t);
  const { daemon, db, create, ends } = await anImageDaemon(t, {
    glance_api_servers: glance.url,
    glance_num_retries: 0,
  });
  const data = randomBytes(100_000);

  const good = await create(glance.add({ name: 'n' }, data));
  const bad = await create(glance.add({}, Buffer.from('QFI\xfb', 'latin1')));
  await Promise.all([ends(good, 'available'), ends(bad, 'error')]);

  const handle = await open(join(daemon.folder, 'file1', `volume-${good}`), 'r');
  const { buffer } = await handle.read(Buffer.alloc(data.length), 0, data.length, 0);
  await handle.close();
  assert.ok(buffer.equals(data));
  assert.equal((await db.volumes.glanceMetadata({ volume_id: good }))['image_name'], 'n');
  await daemon.logs(/ImageUnacceptable|failed safety check/, 60_000);
});

test('Glance by https is trusted for its authority or without a look, and refused for another [config 12.1]', async (t) => {
  const files = await makeCertificates(aFolder(t));
  const glance = await GlanceStandIn.start(t, files.server);
  const image = glance.add({ name: 'n' }, randomBytes(100_000));
  const trusts: readonly [trust: Section, status: string][] = [
    [{ glance_ca_certificates_file: files.authority }, 'available'],
    [{ glance_ca_certificates_file: files.stranger, glance_api_insecure: true }, 'available'],
    [{ glance_ca_certificates_file: files.stranger }, 'error'],
    [{}, 'error'],
  ];

  for (const [trust, status] of trusts) {
    const seen = glance.requests.length;
    const servers = { glance_api_servers: glance.url, glance_num_retries: 0 };
    const { daemon, create, ends } = await anImageDaemon(t, { ...servers, ...trust });
    await ends(await create(image), status);

    // The log may come behind the row.
    if (status === 'error') await daemon.logs(/Connection to glance failed: .*certificate/, 60_000);
    await daemon.stop();
    assert.equal(daemon.logged(/Connection to glance failed/).length > 0, status === 'error', JSON.stringify(trust));
    assert.equal(glance.requests.length > seen, status === 'available');
  }
});
