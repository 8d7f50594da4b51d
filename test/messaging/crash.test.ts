import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MethodClass } from '../../src/interface/rpc.ts';
import { adminContext } from '../../src/objects/context.ts';
import { BrokerProcess } from '../support/broker-process.ts';
import { FakeEndpoint, type FakeMethod, gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aClient, aServer, aTransport, testTarget } from '../support/messaging.ts';
import { seeded } from '../support/seeded.ts';

// The broker is killed at each arrow of R-01: receive -> slot -> decode -> record -> accept -> execute -> reply.

const { signal } = new AbortController();
setMaxListeners(0, signal);

async function withBroker(
  methods: Readonly<Record<string, FakeMethod>>,
  slots: number,
  body: (env: {
    broker: BrokerProcess;
    endpoint: FakeEndpoint;
    call(method: string, id: string): Promise<unknown>;
    /** Kills the broker, waits until everybody has seen it, and starts it again. */
    crash(): Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const broker = await BrokerProcess.start();
  const [own, other] = [await aTransport(broker), await aTransport(broker)];
  const endpoint = new FakeEndpoint(methods);
  const server = await aServer(own, endpoint.table, { slots });
  const client = aClient(other, 20);
  try {
    await body({
      broker,
      endpoint,
      call: (method, id) =>
        client.call(testTarget, { method, version: '3.0', args: { id }, context: adminContext() }, {}, signal),
      async crash() {
        await broker.kill();
        await eventually('both see it', () => !own.connected && !other.connected);
        await broker.start();
        await eventually('both are back', () => own.connected && other.connected && server.consuming);
      },
    });
  } finally {
    await server.close();
    await client.close();
    await other.close(0);
    await own.close(0);
    await broker.kill();
  }
}

for (const kind of ['work', 'repeatable'] as const satisfies MethodClass[]) {
  test(`kill -9 of the broker while a ${kind} call waits for a slot: executed once, answered once [R-01, R-09, R-15, M-64]`, () => {
    const busy = gate();
    const methods = {
      busy: { class: 'work', run: () => busy.passed },
      create: { class: kind, run: () => 'done' },
    } as const;
    return withBroker(methods, 2, async ({ endpoint, call, crash }) => {
      const holders = [call('busy', '1'), call('busy', '2')];
      await eventually('no slot is free', () => endpoint.runs.size === 2);
      const waiting = call('create', 'v');
      await sleep(20);

      await crash();
      busy.open();

      assert.equal(await waiting, 'done');
      await Promise.all(holders);
      assert.deepEqual([...endpoint.runs.values()], [1, 1, 1]);
    });
  });

  test(`kill -9 of the broker while a ${kind} call is recorded: executed once, answered once [R-01, R-09, M-64]`, () => {
    const recording = gate();
    return withBroker(
      { create: { class: kind, record: () => recording.passed, run: () => 'done' } },
      4,
      async ({ endpoint, call, crash }) => {
        const answer = call('create', 'v');
        await eventually('the record begins', () => endpoint.recorded('create', 'v') === 1);

        await crash();
        recording.open();

        assert.equal(await answer, 'done');
        assert.deepEqual([endpoint.recorded('create', 'v'), endpoint.ran('create', 'v')], [1, 1]);
      },
    );
  });

  test(`kill -9 of the broker while a ${kind} call runs: executed once, answered once [R-01, R-08, R-19, M-64]`, () => {
    const running = gate();
    return withBroker(
      { create: { class: kind, run: () => running.passed.then(() => 'done') } },
      4,
      async ({ endpoint, call, crash }) => {
        const answer = call('create', 'v');
        await eventually('it runs', () => endpoint.ran('create', 'v') === 1);

        await crash();
        running.open();

        assert.equal(await answer, 'done');
        assert.deepEqual([endpoint.recorded('create', 'v'), endpoint.ran('create', 'v')], [1, 1]);
      },
    );
  });

  test(`an answer of a ${kind} call that finds no broker is sent when there is one again [R-19, M-43]`, () => {
    const running = gate();
    return withBroker(
      { create: { class: kind, run: () => running.passed.then(() => 'done') } },
      4,
      async ({ broker, endpoint, call }) => {
        const answer = call('create', 'v');
        await eventually('it runs', () => endpoint.ran('create', 'v') === 1);

        await broker.kill();
        running.open();
        await sleep(50);
        await broker.start();

        assert.equal(await answer, 'done');
        assert.equal(endpoint.ran('create', 'v'), 1);
      },
    );
  });
}

test('under a load of calls the broker is killed again and again: each is executed once and answered [R-01, R-08, M-43, M-64]', async (t) => {
  const random = seeded(t);
  const run = async (args: Readonly<Record<string, unknown>>): Promise<unknown> => {
    await sleep(random() * 20);
    return args['id'];
  };
  const record = () => sleep(random() * 5);
  const methods = { create: { class: 'work', record, run }, attach: { run } } as const;
  await withBroker(methods, 16, async ({ broker, endpoint, call }) => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < 400) {
        const id = String(next++);
        assert.equal(await call(random() < 0.5 ? 'create' : 'attach', id), id);
      }
    };
    const load = Promise.all(Array.from({ length: 20 }, lane));
    for (let kills = 0; kills < 6; kills++) {
      await sleep(30 + random() * 150);
      await broker.restart();
    }
    await load;

    assert.deepEqual(
      [...endpoint.runs.values()].filter((count) => count !== 1),
      [],
    );
    assert.equal(endpoint.runs.size, 400);
  });
});
