import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { aDaemon, aRunningDaemon, fakeBackend, runProgram } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';

const one = { one: fakeBackend() };
const text = /ERROR .*Service labhost@one is already reported by another process/;

describe('what the daemon refuses', { concurrency: 3 }, () => {
  test('Windows, and options that it does not have [L-050, L-051]', async () => {
    const windows = `data:text/javascript,Object.defineProperty(process,'platform',{value:'win32'})`;
    const [elsewhere, unforked] = await Promise.all([
      runProgram([], { NODE_OPTIONS: `--import=${windows}` }).result,
      runProgram(['--no-fork']).result,
    ]);

    assert.deepEqual(elsewhere, { code: 1, stdout: '', stderr: 'volume-daemon runs on POSIX systems only\n' });
    assert.equal(unforked.code, 2);
  });

  test('a cluster, which no driver here can be part of [L-071]', async (t) => {
    const daemon = aDaemon(t, { backends: one, defaults: { host: 'labhost', cluster: ' home ' } });

    daemon.start();
    const ended = await daemon.ended;

    assert.deepEqual(ended, { code: 1, signal: null });
    await daemon.logs(/ ERROR .*Active-Active configuration is not currently supported by driver \S+\.$/);
    assert.equal(daemon.logged(/Volume service labhost@one failed to start\./).length, 1);
  });

  test('a service that another process reports is told of, and not started where that is wanted [O-42]', async (t) => {
    const first = await aRunningDaemon(t, { backends: one, defaults: { host: 'labhost', report_interval: 1 } });
    const database = { connection: `sqlite:///${join(first.folder, 'cinder.sqlite')}` };
    const again = { backends: one, defaults: { host: 'labhost', report_interval: 1 } };

    const careful = aDaemon(t, { ...again, sections: { database, volume_daemon: { refuse_duplicate: true } } });
    careful.start();
    const refused = await careful.ended;
    const careless = await aRunningDaemon(t, { ...again, sections: { database } });
    await careless.logs(text);
    await careless.reportsAgain('one').catch(() => {});

    assert.deepEqual(refused, { code: 1, signal: null });
    assert.equal(careful.logged(/ERROR cinder\.cmd\.volume .*Volume service labhost@one failed to start\./).length, 1);
    assert.ok(careful.logged(text).length >= 1);
    assert.equal(careless.logged(text).length, 1);
  });

  test('a worker whose locks cannot be made ends, and the next one tries again [L-077, L-120]', async (t) => {
    const folder = aFolder(t);
    const inTheWay = join(folder, 'locks');
    writeFileSync(inTheWay, '');
    const coordination = { backend_url: `file://${join(inTheWay, 'volume')}` };
    const daemon = aDaemon(t, { backends: one, sections: { coordination } });

    daemon.start();
    await daemon.logs(/ ERROR oslo_service\.service .*\] Error starting thread\./);
    await daemon.logs(/ WARNING oslo_service\.service .*Child \d+ exited with status 1 \(/);
    rmSync(inTheWay);
    mkdirSync(inTheWay);
    await daemon.isUp();

    assert.equal(daemon.logged(/failed to start/).length, 0);
    await eventually('it reports', async () => (await daemon.backend('one')).last_db_report !== null);
  });
});
