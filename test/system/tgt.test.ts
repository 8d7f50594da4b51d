import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import fileDriver from '../../src/drivers/file.ts';
import type { TargetDriver } from '../../src/interface/target-driver.ts';
import type { ConnectionInfo, VolumeDriver } from '../../src/interface/volume-driver.ts';
import type { Volume } from '../../src/objects/volume.ts';
import { findTgtd, preparePrivateTgtd, privateTgtdCommand } from '../../src/targets/private-tgtd.ts';
import { targetDriverConformance } from '../conformance/target-driver.ts';
import { volumeDriverConformance } from '../conformance/volume-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { eventually } from '../support/eventually.ts';
import { fileData } from '../support/file-backend.ts';
import { aFolder } from '../support/folder.ts';
import { needTools, qemuIo, sizeSeen, transfer } from '../support/iscsi.ts';
import { aProgram } from '../support/program.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';
import { aTgtd, type TgtdUnderTest } from '../support/tgtd.ts';

const run = promisify(execFile);
const never = new AbortController().signal;
const progress = (): void => {};
const me = { name: 'iqn.2026-11.org.example:me' };
const connector = { initiator: me.name, host: 'me', ip: '127.0.0.1', multipath: false };
const GiB = 2 ** 30;

targetDriverConformance('tgt', async (t) => {
  const tgtd = await aTgtd(t);
  return { target: await tgtd.openTarget(), aFile: tgtd.aFile, exports: tgtd.exports };
});

volumeDriverConformance('file by tgt', async (t) => {
  const tgtd = await aTgtd(t);
  const driver = await aFileDriver(t, tgtd);
  return { driver, data: fileData(join(tgtd.folder, 'backend'), tgtd.parts.naming) };
});

async function aFileDriver(t: TestContext, tgtd: TgtdUnderTest): Promise<VolumeDriver> {
  const parts = driverParts(tgtd.folder, { openTarget: () => tgtd.openTarget() });
  const driver = await fileDriver.create(parts, reading());
  t.after(() => driver.close());
  await driver.doSetup(never);
  return driver;
}

async function exported(target: TargetDriver, path: string): Promise<{ row: Volume; info: ConnectionInfo }> {
  const volume = aVolume({ status: 'in-use', attach_status: 'attached' });
  const row = { ...volume, ...(await target.createExport(volume, path, never)) };
  return { row, info: await target.initializeConnection(row, path, connector, never) };
}

test('what a host writes before a snapshot is read back from its clone', async (t) => {
  await needTools('qemu-io');
  const driver = await aFileDriver(t, await aTgtd(t));
  const source = aVolume({ status: 'available' });
  const snapshot = aSnapshot(source);
  const clone = aVolume({ size: 2 });
  const connect = async (volume: Volume): Promise<[Volume, ConnectionInfo]> => {
    const row = { ...volume, ...(await driver.createExport(volume, connector, never)) };
    return [row, await driver.initializeConnection(row, connector, never)];
  };

  await driver.createVolume(source, never);
  const [sourceRow, sourceInfo] = await connect(source);
  await transfer(sourceInfo, me, ['write -P 0xab 0 8M', 'write -P 0xcd 1023M 1M', 'flush']);
  await driver.terminateConnection(sourceRow, connector, never);
  await driver.removeExport(sourceRow, never);
  await driver.createSnapshot(snapshot, source, never, progress);
  await driver.createVolumeFromSnapshot(clone, snapshot, never, progress);
  const [, cloneInfo] = await connect(clone);

  await transfer(cloneInfo, me, ['read -P 0xab 0 8M', 'read -P 0xcd 1023M 1M', 'read -P 0 1024M 8M']);
  assert.equal(await sizeSeen(cloneInfo, me), 2 * GiB);
});

test('connection data is what os-brick reads [storage 2.3, S-20]', async (t) => {
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();

  const { row, info } = await exported(target, await tgtd.aFile());

  const portal = `127.0.0.1:${tgtd.address.portal.port}`;
  const iqn = `iqn.2010-10.org.openstack:volume-${row.id}`;
  assert.equal(row.provider_location, `${portal},1 ${iqn} 1`);
  const [method, auth_username, auth_password] = (row.provider_auth ?? '').split(' ');
  assert.equal(method, 'CHAP');
  assert.deepEqual(info, {
    driver_volume_type: 'iscsi',
    data: {
      target_discovered: false,
      target_portal: portal,
      target_iqn: iqn,
      target_lun: 1,
      volume_id: row.id,
      auth_method: 'CHAP',
      auth_username,
      auth_password,
      encrypted: false,
    },
  });
});

test('only the right secret opens a target, and only for the initiator that was named [S-20]', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const path = await tgtd.aFile();
  const { row, info } = await exported(target, path);

  await transfer(info, me, ['read 0 4k']);
  await assert.rejects(transfer(info, { ...me, password: 'wrongwrongwrong1' }, ['read 0 4k']), /Authentication/i);
  await assert.rejects(transfer(info, { ...me, user: '' }, ['read 0 4k']), /Authentication|Failed/i);
  await assert.rejects(transfer(info, { name: 'iqn.2026-11.org.example:you' }, ['read 0 4k']), /not found/i);
  await target.terminateConnection(row, connector, never);
  await assert.rejects(transfer(info, me, ['read 0 4k']), /not found/i);
});

test('where initiators are not restricted the secret is enough', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget({}, { restrictInitiators: false });

  const { info } = await exported(target, await tgtd.aFile());

  await transfer(info, {}, ['write -P 7 0 4k', 'read -P 7 0 4k']);
  await transfer(info, { name: 'iqn.2026-11.org.example:you' }, ['read -P 7 0 4k']);
  await assert.rejects(transfer(info, { password: 'wrongwrongwrong1' }, ['read 0 4k']), /Authentication/i);
});

test('what a host discards takes no space any more', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const path = await tgtd.aFile();
  const { info } = await exported(target, path);
  await transfer(info, me, ['write -P 1 0 32M', 'flush']);
  const before = statSync(path).blocks;

  await transfer(info, me, ['discard 0 32M', 'flush']);

  assert.ok(statSync(path).blocks < before / 2, `${statSync(path).blocks} of ${before} blocks are left`);
});

test('a connected initiator sees the new size and goes on, with nothing lost', async (t) => {
  await needTools('qemu-img', 'iscsi-readcapacity16');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const path = await tgtd.aFile();
  const { row, info } = await exported(target, path);
  const source = join(tgtd.folder, 'source');
  writeFileSync(source, Buffer.alloc(256 * 2 ** 20, 'some data '));
  const words = qemuIo(info, me, []);
  const image = words.at(-1) ?? '';
  const convert = ['convert', ...words.slice(0, 2), '-n', '-W', '-m', '8', '--target-image-opts', source, image];
  const host = spawn('qemu-img', convert, { stdio: 'inherit' });
  const ended = once(host, 'exit');
  await eventually('the host writes', () => statSync(path).blocks > 0);

  for (let size = 2; size <= 5; size++) {
    truncateSync(path, size * GiB);
    await target.extendTarget({ ...row, size }, path, never);
    assert.equal(await sizeSeen(info, me), size * GiB);
  }

  assert.deepEqual(await ended, [0, null]);
  await transfer(info, me, ['write -P 9 4G 1M', 'read -P 9 4G 1M']);
  await run('cmp', ['-n', String(256 * 2 ** 20), source, path]);
});

test('a tgtd that was killed gets its targets back, with the same names, secrets and rules [S-21]', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const { row, info } = await exported(target, await tgtd.aFile());
  const { row: second } = await exported(target, await tgtd.aFile());
  await transfer(info, me, ['write -P 5 0 4k', 'flush']);

  await tgtd.kill();
  await assert.rejects(target.check(never), /tgtd does not answer on .*tgtd\.1: is it running\?/);
  await tgtd.start();
  await eventually('the targets are there', async () => (await tgtd.exports()).length === 2);

  await transfer(info, me, ['read -P 5 0 4k']);
  await assert.rejects(transfer(info, { name: 'iqn.2026-11.org.example:you' }, ['read 0 4k']), /not found/i);
  await target.removeExport(row, never);
  await target.removeExport(second, never);
  assert.deepEqual(await tgtd.exports(), []);
});

test('a new process brings the exports of its volumes back from their rows [S-21]', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const first = await tgtd.openTarget();
  const path = await tgtd.aFile();
  const { row, info } = await exported(first, path);
  await first.close();
  await tgtd.kill();
  await run('rm', ['-r', join(tgtd.folder, 'volumes')]);
  await tgtd.start();

  const second = await tgtd.openTarget();
  await second.ensureExport(row, path, never);

  await transfer(info, me, ['read 0 4k']);
  await assert.rejects(transfer(info, { ...me, password: 'wrongwrongwrong1' }, ['read 0 4k']), /Authentication/i);
});

test('tgt-admin can make the targets from the files, which are closed to others [S-21]', async (t) => {
  await needTools('qemu-io', 'tgt-admin');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const { row, info } = await exported(target, await tgtd.aFile());
  await target.close();
  const volumes = join(tgtd.folder, 'volumes');
  assert.deepEqual(readdirSync(volumes), [`volume-${row.id}`]);
  assert.equal(statSync(join(volumes, `volume-${row.id}`)).mode & 0o777, 0o600);
  await tgtd.kill();
  await tgtd.start();

  writeFileSync(join(tgtd.folder, 'targets.conf'), `include ${volumes}/*\n`);
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin`, TGT_IPC_SOCKET: tgtd.address.socket };
  await run('tgt-admin', ['-C', '1', '-c', join(tgtd.folder, 'targets.conf'), '-e'], { env });

  await transfer(info, me, ['read 0 4k']);
  await assert.rejects(transfer(info, { name: 'iqn.2026-11.org.example:you' }, ['read 0 4k']), /not found/i);
  const next = await tgtd.openTarget();
  await next.removeExport(row, never);
  assert.deepEqual(await tgtd.exports(), []);
  assert.deepEqual(readdirSync(volumes), []);
});

test('a target goes also while a host uses it, and its accounts go with it', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const { row, info } = await exported(target, await tgtd.aFile());
  const host = spawn('qemu-io', qemuIo(info, me, ['read 0 4k', 'sleep 20000']), { stdio: 'ignore' });
  t.after(() => host.kill('SIGKILL'));
  await eventually('the session', async () =>
    (await tgtd.tgtadm('--op', 'show', '--mode', 'target')).includes(me.name),
  );

  await target.removeExport(row, never);

  assert.deepEqual(await tgtd.exports(), []);
  assert.doesNotMatch(
    await tgtd.tgtadm('--op', 'show', '--mode', 'account'),
    new RegExp(String(info.data['auth_username'])),
  );
});

test('a CHAP user that several targets share is not taken from the others', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const values = { use_chap_auth: true, chap_username: 'everybody', chap_password: 'secretsecret12' };
  const target = await tgtd.openTarget(values);
  const one = await exported(target, await tgtd.aFile());
  const two = await exported(target, await tgtd.aFile());

  await target.removeExport(one.row, never);

  assert.equal(two.row.provider_auth, 'CHAP everybody secretsecret12');
  await transfer(two.info, me, ['read 0 4k']);
  await assert.rejects(transfer(two.info, { ...me, user: '' }, ['read 0 4k']));
  await target.removeExport(two.row, never);
  assert.doesNotMatch(await tgtd.tgtadm('--op', 'show', '--mode', 'account'), /everybody/);
});

test('an account of an earlier export with another password does not stand in the way', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget({ use_chap_auth: true, chap_username: 'me', chap_password: 'newpassword12' });
  await tgtd.tgtadm('--op', 'new', '--mode', 'account', '--user', 'me', '--password', 'oldpassword12');

  const { info } = await exported(target, await tgtd.aFile());

  await transfer(info, me, ['read 0 4k']);
});

test('passwords do not stand in a process list or in the log [style 13]', async (t) => {
  await needTools('tgtadm');
  const tgtd = await aTgtd(t);
  const bin = join(tgtd.folder, 'bin');
  const log = join(tgtd.folder, 'arguments');
  await run('mkdir', [bin]);
  writeFileSync(join(bin, 'tgtadm'), `#!/bin/sh\necho "$*" >> ${log}\nPATH=/usr/sbin:/sbin:$PATH exec tgtadm "$@"\n`);
  chmodSync(join(bin, 'tgtadm'), 0o755);
  const { createExecutor } = await import('../../src/exec/run.ts');
  const exec = createExecutor({
    environment: { PATH: `${bin}:${process.env['PATH']}` },
    rootHelper: [],
    logger: tgtd.parts.logger,
  });
  const target = await tgtd.openTarget({}, { exec });

  const { row } = await exported(target, await tgtd.aFile());

  const password = (row.provider_auth ?? '').split(' ')[2] ?? assert.fail();
  const seen = readFileSync(log, 'utf8');
  assert.match(seen, /--mode account .*--password \w{16}/);
  assert.ok(!seen.includes(password));
  assert.ok(!tgtd.parts.logger.lines.join('\n').includes(password));
});

test('processes that make targets at the same time do not disturb each other, nor targets of others', async (t) => {
  const tgtd = await aTgtd(t);
  await tgtd.tgtadm('--op', 'new', '--mode', 'target', '--tid', '3', '-T', 'iqn.2000-01.org.foreign:disk');
  const path = await tgtd.aFile();
  const code = (count: number): string => `
    const { driverParts, reading } = await load('test/support/driver-parts.js');
    const { openTarget } = await load('src/targets/registry.js');
    const { aVolume } = await load('test/support/resources.js');
    const parts = driverParts(${JSON.stringify(tgtd.folder)});
    const target = await openTarget({ ...parts, tgtd: ${JSON.stringify(tgtd.address)} }, reading({ volumes_dir: ${JSON.stringify(join(tgtd.folder, 'volumes'))} }));
    const signal = new AbortController().signal;
    await target.check(signal);
    const volumes = Array.from({ length: ${count} }, () => aVolume());
    const rows = await Promise.all(volumes.map(async (volume) => ({ ...volume, ...(await target.createExport(volume, ${JSON.stringify(path)}, signal)) })));
    say(String(new Set(rows.map((row) => row.provider_location)).size));
    await Promise.all(rows.map((row) => target.removeExport(row, signal)));
    say('done');`;
  const programs = [1, 2, 3].map(() => aProgram(t, code(6)));

  const counts = await Promise.all(programs.map((program) => program.line()));
  await Promise.all(programs.map((program) => program.line()));

  assert.deepEqual(counts, ['6', '6', '6']);
  assert.deepEqual(await tgtd.exports(), ['iqn.2000-01.org.foreign:disk']);
});

test('an interrupted extension is mended by the next look', async (t) => {
  await needTools('qemu-io');
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const path = await tgtd.aFile();
  const { row, info } = await exported(target, path);
  await tgtd.tgtadm('--op', 'update', '--mode', 'target', '--tid', '1', '-n', 'state', '-v', 'offline');
  await tgtd.tgtadm('--op', 'delete', '--mode', 'logicalunit', '--tid', '1', '--lun', '1');

  await target.ensureExport(row, path, never);

  await transfer(info, me, ['read 0 4k']);
});

test('a tgtd of our own keeps its port, ends one left behind, and is told apart from no program [S-33]', async (t) => {
  const tgtd = await aTgtd(t);
  const { exec } = tgtd.parts;

  assert.equal(await findTgtd(exec, tgtd.address), 'answers');
  assert.deepEqual(await preparePrivateTgtd(join(tgtd.folder, 'tgtd')), tgtd.address);
  assert.equal(await findTgtd(exec, tgtd.address), 'silent');
  assert.deepEqual(await preparePrivateTgtd(join(tgtd.folder, 'tgtd')), tgtd.address);
  assert.equal(await findTgtd({ ...exec, find: async () => undefined }, tgtd.address), 'missing');
  const { file, args, options } = privateTgtdCommand(tgtd.address);
  assert.deepEqual(
    [file, ...args],
    ['tgtd', '-f', '-C', '1', '--iscsi', `portal=127.0.0.1:${tgtd.address.portal.port}`],
  );
  assert.deepEqual(options.env, { TGT_IPC_SOCKET: join(tgtd.folder, 'tgtd/tgtd') });
});

test('all of it works for an ordinary user [S-33, O-31]', async (t) => {
  await needTools('setpriv', 'tgtd', 'qemu-io');
  const folder = aFolder(t);
  await run('chown', ['65534:65534', folder]);
  const code = `
    const { aTgtd } = await load('test/support/tgtd.js');
    const { aVolume } = await load('test/support/resources.js');
    const { transfer } = await load('test/support/iscsi.js');
    const undo = [];
    const tgtd = await aTgtd({ after: (body) => undo.unshift(body) });
    const signal = new AbortController().signal;
    const target = await tgtd.openTarget();
    const volume = aVolume(); const path = await tgtd.aFile();
    const row = { ...volume, ...(await target.createExport(volume, path, signal)) };
    const info = await target.initializeConnection(row, path, { initiator: 'iqn.x:me' }, signal);
    await transfer(info, { name: 'iqn.x:me' }, ['write -P 3 0 4k', 'read -P 3 0 4k']);
    await target.removeExport(row, signal);
    say(process.getuid() + ' ' + (await tgtd.exports()).length);
    for (const body of undo) await body();`;
  const env = { TMPDIR: folder, HOME: folder };

  const program = aProgram(
    t,
    code,
    ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'],
    env,
  );

  assert.equal(await program.line(), '65534 0');
  assert.equal(await program.exited, 0);
});

test('nonsense is refused before anything is done [S-20, O-33]', async (t) => {
  const tgtd = await aTgtd(t);
  const target = await tgtd.openTarget();
  const path = await tgtd.aFile();
  const row = { ...aVolume(), ...(await target.createExport(aVolume(), path, never)) };

  for (const initiator of [undefined, 7, '', 'a b', 'iqn.x:y\n    incominguser me me', 'x'.repeat(300)]) {
    assert.throws(() => target.validateConnector({ initiator }), { name: 'InvalidConnectorException' });
    await assert.rejects(target.initializeConnection(row, path, { initiator }, never), {
      name: 'InvalidConnectorException',
    });
  }
  await assert.rejects(target.initializeConnection(aVolume(), path, connector, never), /has no iSCSI export/);
  await assert.rejects(target.createExport(aVolume(), join(tgtd.folder, 'absent'), never), /invalid request|absent/);
  await assert.rejects(tgtd.openTarget({ target_protocol: 'iser' }), /'iser' is not supported/);
  await assert.rejects(tgtd.openTarget({ target_helper: 'scstadmin' }), /scstadmin' is not part of.*tgtadm, local/);
  await assert.rejects(tgtd.openTarget({ use_chap_auth: true, chap_username: 'me' }), /chap_username or chap_password/);
  await assert.rejects(tgtd.openTarget({ volumes_dir: join(path, 'x') }), /volumes_dir .*x cannot be made by uid/);
  const away = { tgtd: { ...tgtd.address, socket: join(tgtd.folder, 'nobody') } };
  await assert.rejects(tgtd.openTarget({ num_shell_tries: 1 }, away), /tgtd does not answer on .*nobody\.1/);
});
