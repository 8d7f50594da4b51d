import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { joinTables } from '../../src/config/schema.ts';
import { driverNames, loadDriver } from '../../src/drivers/registry.ts';
import { schema } from '../../src/service/schema.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { aFolder } from '../support/folder.ts';
import { aLogger } from '../support/recording-logger.ts';
import { repository } from '../support/repository.ts';

test('every driver file is in the table, and every entry of the table loads [S-01]', async () => {
  const folder = join(repository, 'src/drivers');
  const files = readdirSync(folder).filter((name) =>
    /^export default /m.test(readFileSync(join(folder, name), 'utf8')),
  );
  const table = readFileSync(join(folder, 'registry.ts'), 'utf8');
  const registered = [...table.matchAll(/import\('\.\/([^']+)'\)/g)].map(([, file]) => file);

  const modules = await Promise.all(driverNames().map((name) => loadDriver(name, aLogger())));

  assert.deepEqual(registered.sort(), files.sort());
  assert.equal(modules.length, registered.length);
});

test('the options of a driver are known without making it [C-075]', async () => {
  const { options } = await loadDriver('file', aLogger());

  assert.equal(options['file_capacity_gb']?.kind, 'int');
  assert.ok('volume_backend_name' in options);
});

test('the options of every driver go with those of all backends [C-073]', async () => {
  const modules = await Promise.all(driverNames().map((name) => loadDriver(name, aLogger())));

  for (const { options } of modules) assert.doesNotThrow(() => joinTables([...schema.backend, options]));
});

test('a name that operators write for the fake driver finds it [S-01]', async (t) => {
  const module = await loadDriver('cinder.tests.fake_driver.FakeLoggingVolumeDriver', aLogger());

  const driver = await module.create(driverParts(aFolder(t)), reading());

  assert.equal(driver.name, 'FakeLoggingVolumeDriver');
});

test('what there is not is refused with the list of what there is [S-01]', async () => {
  for (const name of [
    'cinder.volume.drivers.lvm.LVMVolumeDriver',
    'cinder.volume.drivers.netapp.common.NetAppDriver',
    'no-such-module',
    'file:///no/such/module.js',
    '/no/such/module.js',
    '../no-such-module.js',
    '',
  ]) {
    await assert.rejects(loadDriver(name, aLogger()), (error: Error) => {
      assert.ok(
        error.message.startsWith(`volume_driver '${name}' is not part of this daemon; there is: file, cinder.`),
        error.message,
      );
      return true;
    });
  }
});

test('an old spelling warns, and means the new one [L-081]', async () => {
  const logger = aLogger();

  await assert.rejects(loadDriver('cinder.volume.drivers.lvm.LVMISCSIDriver', logger), /LVMISCSIDriver' is not part/);

  assert.deepEqual(logger.lines, [
    'WARNING Driver path cinder.volume.drivers.lvm.LVMISCSIDriver is deprecated, update your configuration to the new path.',
  ]);
});

test('any other module can bring a driver, if it is one [L-081]', async (t) => {
  const folder = aFolder(t);
  const [good, bad, broken] = ['good.mjs', 'bad.mjs', 'broken.mjs'].map((name) => join(folder, name));
  writeFileSync(good ?? '', 'export default { options: {}, create: async () => ({ name: "Mine" }) };');
  writeFileSync(bad ?? '', 'export default class {}');
  writeFileSync(broken ?? '', 'throw new Error("broken inside");');

  const module = await loadDriver(good ?? '', aLogger());

  assert.equal((await module.create(driverParts(folder), reading())).name, 'Mine');
  await assert.rejects(loadDriver(bad ?? '', aLogger()), /default export is no driver; there is: file/);
  await assert.rejects(loadDriver(broken ?? '', aLogger()), (error: Error) => {
    assert.match(error.message, /cannot be loaded/);
    assert.match(String((error.cause as Error).message), /broken inside/);
    return true;
  });
});
