import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { aRunningDaemon, type Daemon, fakeBackend, program } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { noTerminal, onTerminal, quoted } from '../support/on-terminal.ts';

const esc = '\x1b';

/** A command line of the program against a daemon. */
function lineOf(daemon: Daemon, words: string): string {
  return `exec ${quoted(process.execPath)} ${quoted(program)} --config-file ${quoted(daemon.conf)} ${words}`;
}

/** Two backends of the fake driver: one takes its time, one blocks for good. */
function aSlowDaemon(t: Parameters<typeof aRunningDaemon>[0]): Promise<Daemon> {
  const slow = fakeBackend({ fake_delay: 'create_volume:1.5' });
  const stuck = fakeBackend({ fake_delay: 'create_volume:600' });
  return aRunningDaemon(t, { backends: { slow, stuck }, defaults: { report_interval: 1 } });
}

test('a terminal', { skip: noTerminal }, async (t) => {
  const daemon = await aSlowDaemon(t);

  await t.test('shows one line while --wait waits, and a pipe the answer alone [ecosystem 3.1, 3.3]', async () => {
    const words = '--backend slow --size 1 --wait -f value -c status';

    const shown = onTerminal(lineOf(daemon, `volume create ${words} shown`));
    const piped = daemon.command('volume', 'create', ...words.split(' '), 'piped');
    const code = await shown.ended;

    assert.equal(code, 0);
    const progress = shown.screen().replaceAll(/\r[0-9a-f-]{36} creating/g, '\r+');
    assert.equal(progress.replaceAll(`\r+${esc}[K`, ''), `\r${esc}[Kavailable\r\n`);
    assert.match(progress, /\+/);
    assert.deepEqual(await piped, { code: 0, stdout: 'available\n', stderr: '' });
  });

  await t.test(
    '^C ends the waiting and not the work, the last line says how to look again [ecosystem 3.1]',
    async () => {
      const waiting = onTerminal(lineOf(daemon, 'volume create --backend slow --size 1 --wait demo'));
      await waiting.shows(/creating/);
      waiting.type('\x03');
      const code = await waiting.ended;
      const [, id = ''] =
        /interrupted; volume (\S+) is still creating; 'volume-daemon volume show \1' shows/.exec(waiting.screen()) ??
        [];
      const watched = await daemon.command('volume', 'watch', id);

      assert.equal(code, 1, waiting.screen());
      assert.match(watched.stdout, /^(\d\d:\d\d:\d\d creating\n)?\d\d:\d\d:\d\d available\n$/);
      assert.equal(watched.code, 0);
    },
  );

  await t.test('^C before any service has taken a request changes nothing [ecosystem 3.1, M-64]', async () => {
    const { pid } = await daemon.backend('slow');
    assert.ok(pid !== null);
    const names = () => daemon.does('volume', 'list', '-f', 'value', '-c', 'Name');
    process.kill(pid, 'SIGSTOP');

    const asking = onTerminal(lineOf(daemon, 'volume create --backend slow --size 1 early'));
    await eventually('the row is written', async () => (await names()).includes('early'));
    asking.type('\x03');
    const code = await asking.ended;
    process.kill(pid, 'SIGCONT');
    await daemon.does('volume', 'create', '--backend', 'slow', '--size', '1', '--wait', 'late');

    assert.equal(code, 1);
    assert.match(asking.screen(), /no service took the request: interrupted before one did; nothing was changed/);
    assert.ok(!(await names()).includes('early'));
  });

  await t.test('^C leaves a drain running, and --disable takes it back [ecosystem 3.3]', async () => {
    await daemon.does('volume', 'create', '--backend', 'stuck', '--size', '1', 'stuck');

    const draining = onTerminal(lineOf(daemon, 'drain --backend stuck'));
    await draining.shows(/1 operation in flight: create_volume [0-9a-f]{8}… \(\d+ s\)/);
    draining.type('\x03');
    const code = await draining.ended;
    const late = await daemon.command('drain', '--backend', 'stuck', '--deadline', '0');
    const { state } = await daemon.backend('stuck');
    const refused = await daemon.command('volume', 'create', '--backend', 'stuck', '--size', '1');
    await daemon.does('volume', 'create', '--size', '1', 'elsewhere');
    await daemon.does('drain', '--backend', 'stuck', '--disable');

    assert.equal(code, 1);
    assert.match(draining.screen(), /interrupted; the drain goes on; 'volume-daemon status' shows how far, --disable/);
    assert.equal(late.code, 1);
    assert.equal(late.stderr, 'volume-daemon: not drained after 0 s; the drain goes on\n');
    assert.equal(state, 'draining');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /backend 'stuck' is draining: drained by an operator; 'volume-daemon drain --disable'/,
    );
    await eventually('it is up again', async () => (await daemon.backend('stuck')).state === 'up');
  });

  await t.test('has colours and widths, for those who want them [ecosystem 1.1, 3.1]', async () => {
    await daemon.does('volume', 'create', '--size', '1', '--wait', '--backend', 'slow', 'ボリューム');
    const screenOf = async (words: string, options: Parameters<typeof onTerminal>[1] = {}): Promise<string> => {
      const shown = onTerminal(lineOf(daemon, words), { ...options, env: { TERM: 'xterm', ...options.env } });
      await shown.ended;
      return shown.screen().replaceAll('\r\n', '\n');
    };

    const [coloured, plain, dumb, fitted, wider, unfitted] = await Promise.all([
      screenOf('status'),
      screenOf('status', { env: { NO_COLOR: '1' } }),
      screenOf('status', { env: { TERM: 'dumb' } }),
      screenOf('volume list --fit-width', { columns: 60 }),
      screenOf('volume list --fit-width', { columns: 60, env: { COLUMNS: '70' } }),
      screenOf('volume list', { columns: 60 }),
    ]);
    const piped = await daemon.does('volume', 'list', '--fit-width');
    const help = await daemon.command('volume', 'create', '--help');

    assert.ok(coloured.includes(`${esc}[32mup${esc}[39m: 2 of 2 backends up`), coloured);
    for (const text of [plain, dumb]) {
      assert.match(text, / up: 2 of 2 backends up/);
      assert.ok(!text.includes(esc), text);
    }
    const widest = (text: string): number => Math.max(...text.split('\n').map(({ length }) => length));
    assert.ok(widest(fitted) <= 60, fitted);
    assert.ok(widest(wider) > 60 && widest(wider) <= 70, wider);
    assert.equal(unfitted, piped);
    assert.match(piped, /\| ボリューム +\| available \|/);
    assert.ok(widest(help.stdout) <= 80);
  });

  await t.test('a reader that has seen enough is no crash, and a full disk no success [ecosystem 3.1]', async () => {
    const shell = async (line: string): Promise<{ code: number; stderr: string }> => {
      const child = spawn('bash', ['-c', `set -o pipefail; ${line}`], { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const [code] = await once(child, 'close');
      return { code, stderr };
    };

    const [sample, list, watch, full, closed, mute] = await Promise.all([
      shell(`${lineOf(daemon, 'config sample')} | head -1`),
      shell(`${lineOf(daemon, 'service list')} | true`),
      shell(`${lineOf(daemon, 'status --watch')} | head -1`),
      shell(`${lineOf(daemon, 'service list')} >/dev/full`),
      shell(`${lineOf(daemon, 'service list')} >&-`),
      shell(`${lineOf(daemon, 'volume show nosuch')} 2>&-`),
    ]);

    assert.deepEqual(sample, { code: 0, stderr: '' });
    assert.deepEqual(list, { code: 0, stderr: '' });
    assert.deepEqual(watch, { code: 1, stderr: '' });
    assert.equal(full.code, 1);
    assert.match(full.stderr, /^volume-daemon: the answer could not be written: .*ENOSPC.*\n$/);
    assert.equal(closed.code, 0);
    assert.equal(mute.code, 1);
  });
});
