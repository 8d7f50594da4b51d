import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aDaemon, aRunningDaemon, type Daemon, fakeBackend, fileBackend } from '../support/daemon.ts';
import { rowsOf } from '../support/database.ts';

/** What is typed, the exit status, and the one line that is said. */
type Case = readonly [words: readonly string[], code: number, said: string | RegExp];

const size = (text: string): string => `the size "${text}" is not valid: expected whole GiB from 1 to 2147483647`;
const long = 'n'.repeat(256);
const iqn = 'iqn.2026-11.org.example:me';

/** All that a command might have changed. */
function everything(daemon: Daemon): unknown[] {
  const tables = [
    'volumes',
    'snapshots',
    'volume_attachment',
    'volume_metadata',
    'workers',
    'quota_usages',
    'reservations',
  ];
  return tables.map((table) => rowsOf(join(daemon.folder, 'cinder.sqlite'), `select * from ${table}`));
}

/** Types everything, four at a time, and sees that nothing came of it but the line. */
async function refuses(daemon: Daemon, cases: readonly Case[]): Promise<void> {
  const before = everything(daemon);
  const left = [...cases];
  const typist = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [words, code, said] = next;
      const result = await daemon.command(...words);
      const typed = words.join(' ');
      assert.equal(result.code, code, `${typed}: ${result.stderr}`);
      assert.equal(result.stdout, '', typed);
      const last = result.stderr.trimEnd().split('\n').at(-1) ?? '';
      assert.match(last, /^volume-daemon[: ]/, typed);
      if (typeof said === 'string') assert.equal(last, `volume-daemon: ${said}`, typed);
      else assert.match(last, said, typed);
      if (!result.stderr.startsWith('usage:')) assert.equal(result.stderr.trimEnd().split('\n').length, 1, typed);
    }
  };
  await Promise.all([typist(), typist(), typist(), typist()]);
  assert.deepEqual(everything(daemon), before);
}

test('what makes no sense is refused in one line, with the right exit status, and changes nothing [ecosystem 3.1]', async (t) => {
  const daemon = await aRunningDaemon(t, { defaults: { host: 'node' } });
  const { id } = await daemon.ask<{ id: string }>(
    'volume',
    'create',
    '--backend',
    'file1',
    '--size',
    '2',
    '--wait',
    'v',
  );
  const { id: used } = await daemon.ask<{ id: string }>('volume', 'create', '--size', '1', '--wait', 'used');
  await daemon.does('snapshot', 'create', '--volume', 'v', '--wait', 's');
  await daemon.does('volume', 'connect', 'used', '--initiator', iqn);
  await daemon.does('volume', 'create', '--size', '1', '--wait', 'twin');
  await daemon.does('volume', 'create', '--size', '1', '--wait', 'twin');

  await refuses(daemon, [
    ...['0', '-1', '1.5', '1000000000000', 'abc', ''].map(
      (text): Case => [['volume', 'create', '--size', text, 'x'], 2, size(text)],
    ),
    [['volume', 'create', 'x'], 2, '--size is required when neither --snapshot nor --source is given'],
    [['volume', 'create', '--size', '1', long], 2, /has 256 characters; at most 255 are allowed$/],
    [['volume', 'create', '--size', '1', 'a\nb'], 2, 'the name "a\\nb" has control characters'],
    [['volume', 'create', '--size', '1', '\x1b[31mred'], 2, 'the name "\\u001b[31mred" has control characters'],
    [['volume', 'create', '--size', '1', '../../etc/passwd'], 2, 'the name "../../etc/passwd" looks like a path'],
    [['volume', 'create', '--size', '1', ''], 2, 'the name "" is empty'],
    [['volume', 'create', '--size', '1', '--nosuch', 'x'], 2, /error: unrecognized arguments: --nosuch x$/],
    [['volume', 'create', '--size', '1', '--backend', 'cehp', 'x'], 1, "no backend 'cehp'; there is: file1, file2"],
    [['volume', 'create', '--snapshot', 'nosuch', 'x'], 1, "No snapshot with a name or ID of 'nosuch' exists."],
    [['volume', 'create', '--source', 'nosuch', 'x'], 1, "No volume with a name or ID of 'nosuch' exists."],
    [['volume', 'create', '--source', 'v', '--size', '1', 'x'], 1, /smaller|less/],
    [['volume', 'create', '--source', 'v', '--snapshot', 's', 'x'], 2, /one source/],
    [['volume', 'show', 'nosuch'], 1, "No volume with a name or ID of 'nosuch' exists."],
    [['volume', 'show', 'twin'], 1, /More than one volume/],
    [
      ['volume', 'extend', 'v', '--size', '1'],
      1,
      `the new size 1 GiB is not more than the present 2 GiB of volume ${id}`,
    ],
    [['volume', 'extend', 'v', '--size', '2'], 1, /is not more than the present 2 GiB/],
    [['volume', 'extend', 'v'], 2, /the following arguments are required: --size$/],
    [['volume', 'set', 'v', '--state', 'lost'], 2, /invalid choice: 'lost'/],
    [['volume', 'set', 'v', '--name', long], 2, /at most 255 are allowed$/],
    [['volume', 'set', 'v', '--property', 'novalue'], 2, "--property 'novalue': expected key=value"],
    [['volume', 'delete', 'v'], 1, /has 1 snapshots; delete them first, or use --cascade$/],
    [['volume', 'delete', 'used'], 1, /is attached; disconnect it first$/],
    [['volume', 'connect', 'used', '--initiator', `${iqn}2`], 1, `volume ${used} is in-use; it must be available`],
    [['volume', 'connect', 'v', '--initiator', 'me'], 2, /'me' is no initiator name/],
    [['volume', 'disconnect', 'v', '--initiator', iqn], 1, /it is connected to nobody$/],
    [['snapshot', 'create', '--volume', 'nosuch', 'x'], 1, "No volume with a name or ID of 'nosuch' exists."],
    [['snapshot', 'create', '--volume', 'used', 'x'], 1, /use --force for a volume in use$/],
    [['snapshot', 'show', 'nosuch'], 1, "No snapshot with a name or ID of 'nosuch' exists."],
    [['volume', 'list', '-c', 'Nope'], 1, /No recognized column names in \['Nope'\]/],
    [['volume', 'list', '-f', 'xml'], 2, /invalid choice: 'xml'/],
    [['service', 'disable', 'nosuch'], 1, /^volume-daemon: no service 'nosuch'; there is: .*node@file1/],
    [['backend', 'reinit', 'nosuch'], 1, "no backend named 'nosuch' is enabled"],
    [['drain', '--backend', 'nosuch'], 1, "no backend named 'nosuch' is enabled"],
    [['drain', '--deadline', '-1'], 2, /must be at least 0, not -1$/],
    [['config', 'show', '--backend', 'x'], 1, "no backend 'x' is enabled (enabled_backends: file1, file2)"],
  ]);
});

test('what has no daemon or no database to ask says so, and the writing ones leave a cloud alone [ecosystem 3.3]', async (t) => {
  const daemon = aDaemon(t, { backends: { file1: fileBackend } });
  const cloud = aDaemon(t, { defaults: { transport_url: 'rabbit://u:canary@127.0.0.1:1//' } });
  const said = async (of: Daemon, ...words: string[]): Promise<[number | null, string]> => {
    const { code, stderr } = await of.command(...words);
    return [code, stderr.trimEnd()];
  };

  const [code, nobody] = await said(daemon, 'status');
  const [missing, noDatabase] = await said(daemon, 'volume', 'list');
  const socket = join(daemon.folder, 'admin.sock');

  assert.equal(code, 2);
  assert.ok(nobody.startsWith(`volume-daemon: no daemon answers at ${socket}`), nobody);
  assert.equal(missing, 1);
  assert.match(noDatabase, /^volume-daemon: [^\n]*cinder\.sqlite[^\n]*$/);
  assert.deepEqual(readdirSync(daemon.folder), ['cinder.conf']);
  for (const [words, instead] of [
    [['volume', 'create', '--size', '1', 'x'], 'openstack volume create'],
    [['volume', 'delete', 'x'], 'openstack volume delete'],
    [['volume', 'extend', 'x', '--size', '2'], 'openstack volume set --size'],
    [['snapshot', 'create', '--volume', 'x', 'y'], 'openstack volume snapshot create'],
    [['service', 'disable', 'node@x'], 'openstack volume service set'],
  ] as const) {
    const line = `volume-daemon: this daemon belongs to a cloud; use '${instead}' (or --bypass-api)`;
    assert.deepEqual(await said(cloud, ...words), [2, line]);
  }
});

test('a backend that is down, or a file of another size, ends in one line and no half-made volume [ecosystem 3.3, S-17]', async (t) => {
  const daemon = await aRunningDaemon(t, {
    backends: { file1: fileBackend, fake1: fakeBackend() },
    defaults: { host: 'node' },
  });
  const { id } = await daemon.ask<{ id: string }>(
    'volume',
    'create',
    '--backend',
    'file1',
    '--size',
    '1',
    '--wait',
    'v',
  );
  const folder = join(daemon.folder, 'file1');
  const file = join(folder, readdirSync(folder).find((name) => name.includes(id)) ?? '');

  truncateSync(file, 3 * 2 ** 30);
  const extended = await daemon.command('volume', 'extend', 'v', '--size', '2', '--wait');
  truncateSync(file, 2 ** 30);
  await daemon.does('volume', 'set', 'v', '--state', 'available');
  renameSync(file, `${file}.away`);
  const gone = await daemon.command('snapshot', 'create', '--volume', 'v', '--wait', 's');

  assert.equal(extended.code, 1, extended.stdout + extended.stderr);
  assert.match(
    extended.stderr,
    /^volume-daemon: volume [^\n]+ is error_extending; see [^\n]+ for the reason \(req-[^\n]+\)$/m,
  );
  for (const { stderr } of [extended, gone]) {
    const [, file = '', request = ''] = / see (\S+) for the reason \((\S+)\)$/m.exec(stderr) ?? [];
    assert.match(readFileSync(file, 'utf8'), new RegExp(` ERROR .*${request}`), stderr);
  }
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^volume-daemon: snapshot [^\n]+ is error; see /m);
  assert.equal((await daemon.ask<{ size: number }>('volume', 'show', 'v')).size, 1);
});
