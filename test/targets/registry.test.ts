import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { targetOptions } from '../../src/targets/options.ts';
import { openTarget } from '../../src/targets/registry.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { aFolder } from '../support/folder.ts';
import { repository } from '../support/repository.ts';

test('every file that makes a target driver is in the table [storage 2.2]', () => {
  const folder = join(repository, 'src/targets');
  const files = readdirSync(folder).filter((name) =>
    /^export function create\w+Target\(/m.test(readFileSync(join(folder, name), 'utf8')),
  );
  const table = readFileSync(join(folder, 'registry.ts'), 'utf8');

  const registered = [...table.matchAll(/import\('\.\/([^']+)'\)/g)].map(([, file]) => file);

  assert.deepEqual(registered.sort(), files.sort());
});

test('tgtadm is the default, local can be asked for, and the rest is refused by name [L-072]', async (t) => {
  const parts = driverParts(aFolder(t));
  const open = (target_helper: string) => openTarget(parts, reading({ target_helper }));

  assert.equal((await openTarget(parts, reading())).protocol, 'iSCSI');
  assert.equal((await open('local')).protocol, 'local');
  assert.equal((await openTarget(parts, reading(), 'local')).protocol, 'local');
  for (const helper of targetOptions.target_helper.choices ?? []) {
    if (helper === 'tgtadm' || helper === 'local') continue;
    await assert.rejects(open(helper), new RegExp(`'${helper}' is not part of this daemon; there is: tgtadm, local`));
  }
});

test('the CHAP password is a secret option [C-082]', () => {
  assert.equal(targetOptions.chap_password.secret, true);
});
