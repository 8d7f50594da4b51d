import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isUp } from '../../src/interface/daemon-status.ts';
import { dispatcher } from '../../src/messaging/dispatcher.ts';
import { decodeEnvelope } from '../../src/messaging/envelope.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import type { VolumeManager } from '../../src/volume/manager.ts';
import { Counts } from '../support/counts.ts';
import { aDaemon, fileBackend } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { HostileMessages } from '../support/hostile.ts';
import { expectationOf, giants } from '../support/hostile-expectation.ts';
import { Listener } from '../support/listener.ts';
import { LogTail } from '../support/log-tail.ts';
import { levels } from '../support/manager.ts';
import { OsloPeer } from '../support/oslo-peer.ts';
import { seeded } from '../support/seeded.ts';
import { connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

/** FUZZ=1000000 for as many as a day's work brings. */
const count = Number(process.env['FUZZ'] ?? 10_000);
const atOnce = 1000;
const patience = 120_000;
const queue = 'cinder-volume.labhost@nfs1.labhost';

/** KiB of memory that a process holds. */
function residentOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

onEachRabbitMQ('hostile messages', {}, (broker, release) => {
  test('a worker stays up and flat among hostile messages: calls are answered once, bad casts logged once [M-28, R-11, G-023]', async (t) => {
    const daemon = aDaemon(t, {
      backends: { nfs1: { ...fileBackend, target_helper: 'local' } },
      defaults: { host: 'labhost', transport_url: broker().url() },
      // Repeated lines are summed up otherwise (G-061).
      sections: { volume_daemon: { log_dedup_interval: 0 } },
    });
    await daemon.does('db', 'sync');
    daemon.start();
    const isServing = async () => (await daemon.status()).backends.every(isUp);
    await eventually('the backend is up', () => isServing().catch(() => false), patience);
    const worker = await daemon.worker('nfs1');
    const messages = new HostileMessages(seeded(t));
    const dispatch = dispatcher(volumeEndpoint({} as VolumeManager, levels), { ping: false });
    const transport = await connectTo(broker().url());
    t.after(() => transport.close(0));

    const replyQueue = `reply_${randomUUID().replaceAll('-', '')}`;
    const answers = new Counts();
    const failures = new Map<string, string>();
    const declared = { name: replyQueue, durable: false, autoDelete: false, arguments: {} };
    const topology = { exchanges: [], queues: [declared], bindings: [] };
    const listener = await Listener.on(transport, topology, replyQueue, 2 ** 31 - 1, (message) => {
      message.accept();
      listener.messages.length = 0;
      const { _msg_id: id, failure, ending } = decodeEnvelope(message.body);
      if (ending === true) answers.add(String(id));
      if (typeof failure === 'string') failures.set(JSON.parse(failure).class, failure);
    });

    const log = new LogTail(daemon.log);
    const memory: number[] = [];
    const seen = { served: 0, refused: 0, bad: 0, calls: 0, toNobody: 0, copies: 0 };
    const round = async (bodies: readonly Buffer[]): Promise<void> => {
      const calls = new Counts();
      const casts = new Counts();
      let bad = 0;
      for (const body of bodies) {
        const { fate, reply, requestId, mayBeCopy } = expectationOf(body, dispatch);
        seen[fate] += 1;
        if (fate === 'bad') bad += 1;
        if (mayBeCopy) seen.copies += 1;
        else if (reply?.queue === replyQueue) calls.add(reply.msgId);
        else if (reply !== undefined) seen.toNobody += 1;
        else if (fate !== 'served' && requestId !== undefined) casts.add(requestId);
      }
      seen.calls += calls.size;
      log.clear();
      answers.clear();
      const to = { exchange: '', key: queue };
      const sent = bodies.map((body) => transport.publish({ to, body }, { within: patience, again: true }));
      assert.ok((await Promise.all(sent)).every(({ outcome }) => outcome === 'accepted'));
      const missing = (): string[] => [...calls.missing(answers), ...casts.missing(log.ids)];
      const isDone = (): boolean => {
        log.read();
        return log.dropped >= bad && missing().length === 0;
      };
      await eventually(() => `${missing()}, ${log.dropped} of ${bad} dropped`, isDone, patience, 50);
      assert.deepEqual([calls.surplus(answers), casts.surplus(log.ids), log.dropped], [[], [], bad]);
      memory.push(residentOf(worker));
    };
    await round(giants(replyQueue));
    for (let at = 0; at < count; at += atOnce) {
      const name = (nth: number): string => (nth % 500 === 0 ? 'reply_of_nobody' : replyQueue);
      await round(Array.from({ length: atOnce }, (_, nth) => messages.next(name(nth))));
    }

    assert.equal(await daemon.worker('nfs1'), worker);
    const third = Math.ceil(memory.length / 3);
    const [early, late] = [median(memory.slice(0, third)), median(memory.slice(-third))];
    t.diagnostic(`${JSON.stringify(seen)}, ${failures.size} classes of failures, ${early} KiB early, ${late} KiB late`);
    assert.ok(late < early * 1.25 + 30 * 1024, `${early} KiB grew to ${late} KiB`);
    assert.ok(seen.refused > count / 20 && seen.bad > count / 50 && seen.calls > count / 10, JSON.stringify(seen));
    const peer = await OsloPeer.start(release, broker().url());
    t.after(() => peer[Symbol.asyncDispose]());
    const rebuilt = await peer.rebuild([...failures.values()]);
    assert.equal(rebuilt.length, failures.size);
    // A hostile freeze_host is a freeze_host all the same.
    await daemon.does('service', 'enable', '--bypass-api', 'labhost@nfs1');
    const made = await daemon.ask('volume', 'create', '--bypass-api', '--size', '1', '--wait', 'demo');
    assert.equal(made['status'], 'available');
    assert.equal(await daemon.worker('nfs1'), worker);
  });
});
