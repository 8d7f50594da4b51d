import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TgtFiles } from '../../src/targets/tgt-file.ts';
import { aFolder } from '../support/folder.ts';

async function theFiles(t: TestContext, settings = { writeCache: 'on', flags: '' }) {
  const folder = join(aFolder(t), 'volumes');
  const files = new TgtFiles(folder, settings);
  await files.prepare();
  return { folder, files };
}

const chap = { user: 'me', password: 'secret' };

test('a file has the layout of upstream’s, and only its owner reads it [storage 4.1]', async (t) => {
  const { folder, files } = await theFiles(t, { writeCache: 'off', flags: 'direct' });

  await files.write('volume-1', { iqn: 'iqn.x:volume-1', path: '/srv/volume-1', chap, initiators: undefined });

  assert.equal(
    readFileSync(join(folder, 'volume-1'), 'utf8'),
    `
<target iqn.x:volume-1>
    backing-store /srv/volume-1
    driver iscsi
    incominguser me secret
    bsoflags direct
    write-cache off
    scsi_sn volume-1
    scsi_id volume-1
</target>
`,
  );
  assert.equal(statSync(join(folder, 'volume-1')).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o750);
});

test('what was written is read back, with nobody and with some let in', async (t) => {
  const { folder, files } = await theFiles(t);
  const wanted = { iqn: 'iqn.x:v', path: '/srv/a folder/v', chap };

  for (const initiators of [undefined, [], ['iqn.x:one'], ['iqn.x:one', 'iqn.x:two']]) {
    await files.write('v', { ...wanted, initiators });
    assert.deepEqual(await files.read('v'), { ...wanted, initiators });
  }

  assert.deepEqual(readdirSync(folder), ['v']);
});

test('upstream’s file lets everybody in who knows the secret [O-41]', async (t) => {
  const { folder, files } = await theFiles(t);
  const text = `
                <target iqn.2010-10.org.openstack:volume-2>
                    backing-store /dev/vg/volume-2
                    driver iscsi
                    incominguser user pass

                    write-cache on
                </target>
            `;
  writeFileSync(join(folder, 'volume-2'), text);

  assert.deepEqual(await files.read('volume-2'), {
    iqn: 'iqn.2010-10.org.openstack:volume-2',
    path: '/dev/vg/volume-2',
    chap: { user: 'user', password: 'pass' },
    initiators: undefined,
  });
});

test('a name that would leave the folder is refused', async (t) => {
  const { files } = await theFiles(t);

  for (const name of ['../v', 'a/b', '', '.hidden', 'a\nb']) {
    await assert.rejects(files.read(name), /cannot name a file/);
    await assert.rejects(files.remove(name), /cannot name a file/);
    await assert.rejects(files.write(name, { iqn: 'i', path: '/p', chap, initiators: [] }), /cannot name a file/);
  }
});

test('absent and unreadable files are told apart from good ones', async (t) => {
  const { folder, files } = await theFiles(t);
  writeFileSync(join(folder, 'nonsense'), 'no target here');

  assert.equal(await files.read('absent'), undefined);
  assert.equal(await files.read('nonsense'), undefined);
  await files.remove('absent');
  await files.remove('nonsense');
  await files.remove('nonsense');
});
