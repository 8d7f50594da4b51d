import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aRunningDaemon, fileBackend } from '../support/daemon.ts';
import type { DatabaseBench } from '../support/database-bench.ts';
import type { PrivateServer } from '../support/private-server.ts';

/** The program itself on a database server, with its embedded broker. */
export function daemonOnServerSuite(server: () => PrivateServer, bench: DatabaseBench): void {
  test('the daemon and its commands run on it: create, extend, snapshot, delete, config check, db check [config 12.3, ecosystem 3.3]', async (t) => {
    const { rows } = await bench.open(t);
    const connection = server().url('cinder');
    const daemon = await aRunningDaemon(t, {
      backends: { one: fileBackend },
      sections: { database: { connection } },
    });

    const made = await daemon.ask('volume', 'create', '--size', '1', '--wait', 'demo');
    await daemon.does('volume', 'extend', '--size', '2', '--wait', 'demo');
    await daemon.does('snapshot', 'create', '--wait', '--volume', 'demo', 'before');
    const [live] = await rows(`select status, size, host, deleted from volumes where id = '${made['id']}'`);
    await daemon.does('snapshot', 'delete', '--wait', 'before');
    await daemon.does('volume', 'delete', '--wait', 'demo');
    await daemon.does('config', 'check', '--environment');
    await daemon.does('db', 'check');
    const [gone] = await rows(`select status, deleted from volumes where id = '${made['id']}'`);
    const ended = await daemon.stop();

    assert.equal(live?.['size'], 2);
    assert.equal(live?.['status'], 'available');
    assert.match(String(live?.['host']), /@one#/);
    assert.deepEqual(gone, { status: 'deleted', deleted: 1 });
    assert.deepEqual(ended, { code: 0, signal: null });
    assert.deepEqual(daemon.logged(/ (ERROR|CRITICAL) /), []);
    assert.deepEqual(daemon.logged(/p%40ss|p@ss/), []);
    assert.equal((await rows("select id from workers where resource_type <> 'SENTINEL'")).length, 0);
  });
}
