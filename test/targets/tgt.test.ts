import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Volume } from '../../src/objects/volume.ts';
import type { TargetParts } from '../../src/targets/parts.ts';
import { openTarget } from '../../src/targets/registry.ts';
import { targetDriverConformance } from '../conformance/target-driver.ts';
import { driverParts, reading } from '../support/driver-parts.ts';
import { aFolder } from '../support/folder.ts';
import { attached, aVolume } from '../support/resources.ts';
import { aTgtdStandIn } from '../support/tgtd-stand-in.ts';

const never = new AbortController().signal;
const me = { initiator: 'iqn.2026-11.org.example:me' };
const you = { initiator: 'iqn.2026-11.org.example:you' };

async function aTarget(
  t: TestContext,
  values: Readonly<Record<string, unknown>> = {},
  given: Partial<TargetParts> = {},
) {
  const folder = aFolder(t);
  const tgtd = aTgtdStandIn();
  const parts = driverParts(folder);
  const volumes = join(folder, 'volumes');
  const read = reading({ volumes_dir: volumes, target_ip_address: '10.0.0.1', ...values });
  const address = { controlPort: 1, socket: join(folder, 'nobody') };
  const target = await openTarget({ ...parts, exec: tgtd.exec, tgtd: address, ...given }, read);
  t.after(() => target.close());
  await target.check(never);
  const only = () => [...tgtd.targets.values()][0] ?? assert.fail('no target');
  return { target, tgtd, volumes, only, parts };
}

targetDriverConformance('tgt by a stand-in', async (t) => {
  const { target, tgtd } = await aTarget(t);
  return {
    target,
    aFile: async () => '/srv/file',
    exports: async () => [...tgtd.targets.values()].map(({ iqn }) => iqn),
  };
});

test('nobody is let in before the secret is in place [S-20]', async (t) => {
  const { target, tgtd } = await aTarget(t, {}, { restrictInitiators: false });

  await target.createExport(aVolume(), '/srv/file', never);

  const order = tgtd.told.map((line) => /--op (\w+) --mode (\w+)/.exec(line)?.slice(1).join(' '));
  assert.deepEqual(order, [
    'new target',
    'new logicalunit',
    'update logicalunit',
    'new account',
    'bind account',
    'bind target',
  ]);
});

test('initiators are let in one by one, and shut out again [S-11]', async (t) => {
  const { target, only } = await aTarget(t);
  const volume = aVolume();
  const row: Volume = { ...volume, ...(await target.createExport(volume, '/srv/file', never)) };
  const rules = (): string[] => [...only().rules];

  const seen = [rules()];
  await target.initializeConnection(row, '/srv/file', me, never);
  await target.initializeConnection(row, '/srv/file', you, never);
  seen.push(rules());
  await target.terminateConnection(row, me, never);
  seen.push(rules());
  await target.terminateConnection(row, undefined, never);
  seen.push(rules());

  assert.deepEqual(seen, [[], [me.initiator, you.initiator], [you.initiator], []]);
});

test('a tgtd that forgot its targets gets ours back with the next report, with secrets and rules [S-21]', async (t) => {
  const { target, tgtd, only, parts } = await aTarget(t);
  const volume = aVolume();
  const row: Volume = { ...volume, ...(await target.createExport(volume, '/srv/file', never)) };
  await target.initializeConnection(row, '/srv/file', me, never);
  const before = structuredClone({ targets: tgtd.targets, passwords: tgtd.passwords });

  tgtd.restart();
  await target.check(never);
  await target.check(never);

  assert.deepEqual({ targets: tgtd.targets, passwords: tgtd.passwords }, before);
  assert.deepEqual([...only().rules], [me.initiator]);
  const told = parts.logger.lines.filter((line) => line.startsWith('WARNING'));
  assert.deepEqual(told, ['WARNING tgtd had forgotten 1 of our targets; they are there again.']);
});

test('the export of a volume in use comes back from its row and attachments when its file is lost [S-21]', async (t) => {
  const { target, tgtd, only } = await aTarget(t);
  const row = { ...aVolume(), provider_auth: 'CHAP someone theirsecret', provider_location: '10.0.0.1:3260,1 x 1' };

  await target.ensureExport(attached(row, [me]), '/srv/file', never);
  const restricted = structuredClone(only());
  tgtd.restart();
  const other = { ...row, id: aVolume().id };
  await target.ensureExport(other, '/srv/file', never);

  assert.deepEqual([...restricted.rules], [me.initiator]);
  assert.deepEqual([...restricted.accounts], ['someone']);
  assert.equal(tgtd.passwords.get('someone'), 'theirsecret');
  assert.deepEqual([...only().rules], ['ALL']);
});

test('what is wrong with a target is mended, and what is right is left alone', async (t) => {
  const { target, tgtd, only } = await aTarget(t);
  const volume = aVolume();
  const row: Volume = { ...volume, ...(await target.createExport(volume, '/srv/file', never)) };
  await target.initializeConnection(row, '/srv/file', me, never);
  const good = structuredClone(only());
  const breakages = [
    () => Object.assign(only(), { state: 'offline' }),
    () => Object.assign(only(), { path: undefined }),
    () => Object.assign(only(), { path: '/srv/other' }),
    () => only().accounts.clear(),
    () => only().accounts.add('stranger'),
    () => only().rules.clear(),
    () => only().rules.add('ALL'),
  ];

  for (const damage of breakages) {
    damage();
    tgtd.passwords.set('stranger', 'x');
    await target.ensureExport(row, '/srv/file', never);
    assert.deepEqual(only(), good);
  }
  tgtd.told.length = 0;
  await target.ensureExport(row, '/srv/file', never);

  assert.deepEqual(tgtd.told, []);
});

test('a secret that was made up before a crash is used again, so that a repetition gives the same [S-11, S-20]', async (t) => {
  const { target, tgtd, volumes } = await aTarget(t);
  const volume = aVolume();

  const first = await target.createExport(volume, '/srv/file', never);
  tgtd.restart();
  const again = await target.createExport(volume, '/srv/file', never);

  assert.equal(again.provider_auth, first.provider_auth);
  assert.match(readFileSync(join(volumes, `volume-${volume.id}`), 'utf8'), /incominguser \w{20} \w{16}\n/);
});

test('a volume that was never exported is deleted without a command', async (t) => {
  const { target, tgtd } = await aTarget(t);
  let asked = 0;
  const { run } = tgtd.exec;
  const counting = (...args: Parameters<typeof run>): ReturnType<typeof run> => {
    asked += 1;
    return run(...args);
  };
  Object.assign(tgtd.exec, { run: counting });

  await target.removeExport(aVolume(), never);
  await target.extendTarget(aVolume(), '/srv/file', never);
  await target.terminateConnection(aVolume(), me, never);

  assert.equal(asked, 0);
});

test('all portals stand in the location, each once [S-22, storage 2.2]', async (t) => {
  const addresses = {
    iscsi_secondary_ip_addresses: ['10.0.0.2'],
    target_secondary_ip_addresses: ['10.0.0.2', 'fd00::1'],
  };
  const { target } = await aTarget(t, { ...addresses, target_port: 3261 });

  const { provider_location } = await target.createExport(aVolume(), '/srv/file', never);

  assert.match(provider_location, /^10\.0\.0\.1:3261;10\.0\.0\.2:3261;\[fd00::1\]:3261,1 iqn\S+ 1$/);
});

test('flags and the write cache are what the operator says', async (t) => {
  const { target, tgtd } = await aTarget(t, { iscsi_write_cache: 'off', iscsi_target_flags: 'direct' });

  await target.createExport(aVolume(), '/srv/file', never);

  assert.ok(tgtd.told.some((line) => line.includes('-b /srv/file -f direct')));
  assert.ok(tgtd.told.some((line) => line.includes('mode_page=8:')));
});

test('what cannot be grown online is told as such, with its cause [storage 2.2]', async (t) => {
  const { target, tgtd } = await aTarget(t);
  const volume = aVolume();
  const row: Volume = { ...volume, ...(await target.createExport(volume, '/srv/file', never)) };
  Object.assign(tgtd.exec, { run: () => Promise.reject(new Error('tgtd fell over')) });

  await assert.rejects(target.extendTarget(row, '/srv/file', never), (error: Error) => {
    assert.equal(error.name, 'TargetUpdateFailed');
    assert.match(String((error.cause as Error).message), /fell over/);
    return true;
  });
});

test('files of targets leave nothing half written behind', async (t) => {
  const { target, volumes } = await aTarget(t);
  const volume = aVolume();
  const row: Volume = { ...volume, ...(await target.createExport(volume, '/srv/file', never)) };

  assert.deepEqual(readdirSync(volumes), [`volume-${volume.id}`]);
  await target.removeExport(row, never);
  assert.deepEqual(readdirSync(volumes), []);
});
