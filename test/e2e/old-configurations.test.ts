import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { aDaemon, aRunningDaemon, fakeBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

describe('what old configurations ask for', { concurrency: 3 }, () => {
  test('one backend out of [DEFAULT], where allow_single_backend says so [L-075]', async (t) => {
    const daemon = await aRunningDaemon(t, {
      backends: {},
      defaults: { host: 'labhost', report_interval: 1, ...fakeBackend() },
      sections: { volume_daemon: { allow_single_backend: true } },
    });

    const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');
    daemon.signal('SIGHUP');
    await daemon.logs(/Child caught SIGHUP, handling/);

    assert.equal(made['status'], 'available');
    assert.deepEqual(daemon.rows('select host from services'), [{ host: 'labhost' }]);
    assert.equal(String(daemon.rows('select host from volumes')[0]?.['host']).replace(/#.*/, ''), 'labhost');
    assert.equal(daemon.logged(/ WARNING .*The only backend is section \[DEFAULT\]/).length, 1);
    assert.equal(daemon.logged(/ WARNING /).length, 1, daemon.logged(/ WARNING /).join('\n'));
    assert.equal((await daemon.command('config', 'check')).code, 0);
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  });

  test('a back door and a backend on the command line: accepted, and told that they have no effect [L-050, L-113]', async (t) => {
    const socket = join(aFolder(t), 'door');
    const daemon = await aRunningDaemon(t, {
      backends: { one: fakeBackend() },
      defaults: { backdoor_port: '0', backdoor_socket: socket },
      args: ['--backend_name', 'labhost@other'],
    });

    assert.equal(daemon.logged(/ WARNING cinder\.cmd\.volume .*The option --backend_name has no effect/).length, 1);
    const line = await daemon.logs(/ WARNING cinder\.cmd\.volume .*There is no backdoor: use the admin socket /);
    assert.ok(line.includes(join(daemon.folder, 'admin.sock')), line);
    assert.ok(!existsSync(socket));
    assert.equal((await daemon.status()).backends.length, 1);
  });

  test('instrumentation modules, in each process, before its work; Python ones are passed over [L-031, L-040, L-041, L-042, L-043]', async (t) => {
    const folder = aFolder(t);
    const told = join(folder, 'told');
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const append = `import { appendFileSync } from 'node:fs';\nconst say = (line) => appendFileSync('${told}', line + '\\n');\n`;
    const module = file(
      'module.mjs',
      `${append}export const trace = ({ role, serviceHost }) => say(role + ' ' + serviceHost);`,
    );
    const early = file('early.mjs', `${append}say('early ' + (process.argv[2] ?? ''));`);
    const options = {
      backends: { one: fakeBackend() },
      defaults: {
        host: 'labhost',
        monkey_patch: true,
        monkey_patch_modules: `cinder.volume.manager:osprofiler.trace,${module}:trace`,
      },
    };
    const daemon = aDaemon(t, { ...options, env: { NODE_OPTIONS: `--import=${early}` } });
    const unwanted = aDaemon(t, { ...options, defaults: { ...options.defaults, monkey_patch: false } });
    const missing = aDaemon(t, {
      ...options,
      defaults: { ...options.defaults, monkey_patch_modules: join(folder, 'none.mjs') },
    });

    missing.start();
    await Promise.all([daemon.startUp(), unwanted.startUp()]);
    const worker = await daemon.worker('one');

    const lines = readFileSync(told, 'utf8').split('\n');
    assert.deepEqual(lines.filter((line) => /^(supervisor|worker) /.test(line)).sort(), [
      'supervisor undefined',
      'worker labhost@one',
    ]);
    assert.ok(
      lines.some((line) => line.startsWith('early cinder-volume')),
      'the worker has the options of Node',
    );
    const loaded = daemon.logged(/ INFO cinder\.utils .*Loaded instrumentation module /);
    assert.equal(loaded.length, 2);
    assert.equal(
      daemon.logged(
        / WARNING cinder\.utils .*Ignoring monkey_patch module cinder\.volume\.manager:osprofiler\.trace: not a Node\.js module/,
      ).length,
      2,
    );
    const story = daemon.logged(new RegExp(` ${worker} INFO .*(Loaded instr|Starting volume driver)`));
    assert.match(story[0] ?? '', /Loaded instr/);
    assert.deepEqual(unwanted.logged(/instrumentation|monkey_patch/), []);
    assert.deepEqual(await missing.ended, { code: 1, signal: null });
    await eventually('it says why', () => missing.logged(/ CRITICAL cinder .*Unhandled error/).length > 0);
  });
});
