import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isUp } from '../../src/interface/daemon-status.ts';
import { isRecord } from '../../src/objects/versioned-object.ts';
import { aDaemon, fileBackend } from '../support/daemon.ts';
import { aNewVolume, openTestDatabase } from '../support/database.ts';
import { field } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { OsloPeer } from '../support/oslo-peer.ts';
import { capturedMessages } from '../support/wire.ts';
import { onEachRabbitMQ } from '../support/with-rabbitmq.ts';

const topic = 'cinder-volume.labhost@nfs1';
const patience = 60_000;

/** The create_volume that a real scheduler sent to labhost@nfs1, with the request's context as oslo.messaging takes it. */
function capturedCreate() {
  const message = capturedMessages('03-create_volume').find(
    ({ routing_keys: [key] }) => key === `${topic}.labhost`,
  )?.message;
  assert.ok(message !== undefined && isRecord(message['args']));
  const ctxt = Object.entries(message).flatMap(([key, value]) =>
    key.startsWith('_context_') ? [[key.slice('_context_'.length), value]] : [],
  );
  const data = field(field(message['args'], 'volume'), 'versioned_object.data');
  assert.ok(isRecord(data));
  return { args: message['args'], ctxt: Object.fromEntries(ctxt), id: String(data['id']), host: String(data['host']) };
}

onEachRabbitMQ('the daemon', {}, (broker, release) => {
  test('makes the volume that a scheduler asks for, reports to it, and follows its own commands [L-090, L-092, L-093, M-64, O-10]', async (t) => {
    const peer = await OsloPeer.start(release, broker().url());
    t.after(() => peer[Symbol.asyncDispose]());
    await peer.serve('cinder-scheduler', 'labhost');
    const daemon = aDaemon(t, {
      backends: { nfs1: { ...fileBackend, target_helper: 'local' } },
      defaults: { host: 'labhost', transport_url: broker().url() },
    });
    await daemon.does('db', 'sync');
    daemon.start();
    const isServing = async () => (await daemon.status()).backends.every(isUp);
    await eventually('the backend is up', () => isServing().catch(() => false), patience);
    const { args, ctxt, id, host } = capturedCreate();
    const db = await openTestDatabase(t, { path: join(daemon.folder, 'cinder.sqlite'), create: false });
    await db.volumes.create(aNewVolume({ id, host, status: 'creating', attach_status: 'detached' }));

    await peer.cast({ topic, server: 'labhost', method: 'create_volume', args, ctxt });

    const status = async (name: string): Promise<unknown> => (await daemon.ask('volume', 'show', name))['status'];
    await eventually('the volume is made', async () => (await status(id)) === 'available', patience);
    const capabilities = await peer.call({
      topic,
      server: 'labhost',
      method: 'get_capabilities',
      args: { discover: false },
    });
    assert.ok(isRecord(capabilities) && 'vendor_name' in capabilities);
    const reports = await eventually(
      'capabilities are reported',
      async () => {
        const got = (await peer.received()).filter(({ method }) => method === 'update_service_capabilities');
        return got.length > 0 && got;
      },
      patience,
    );
    assert.equal(reports[0]?.args?.['host'], 'labhost@nfs1');

    const made = await daemon.ask('volume', 'create', '--bypass-api', '--size', '1', '--wait', 'demo');
    assert.equal(made['status'], 'available');
    await daemon.does('volume', 'extend', '--bypass-api', '--wait', '--size', '2', 'demo');
    await daemon.does('volume', 'delete', '--bypass-api', '--wait', 'demo');
    assert.deepEqual(daemon.logged(/ (ERROR|CRITICAL) /), []);

    const before = await broker().queues();
    assert.equal((await daemon.stop()).code, 0);
    const left = await broker().queues();
    assert.equal(before.filter((name) => name.includes('_fanout_') && name.startsWith('cinder-volume')).length, 2);
    // What upstream leaves, and nothing else of ours: casts wait in them for whoever comes next.
    assert.deepEqual(
      left.filter((name) => name.startsWith('cinder-volume')),
      ['cinder-volume', topic, `${topic}.labhost`],
    );
  });
});
