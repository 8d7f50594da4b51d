import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { logContext } from '../../src/base/log.ts';
import { DatabaseError } from '../../src/interface/database.ts';
import { decodeEnvelope } from '../../src/messaging/envelope.ts';
import { InvalidVolume } from '../../src/objects/exceptions.ts';
import { field, gate } from '../support/endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { aQueue, Listener } from '../support/listener.ts';
import { recordedLogs } from '../support/logs.ts';
import { aTransport, testQueue } from '../support/messaging.ts';
import { rawClient } from '../support/raw-client.ts';
import { aCall, aCast, type Service, withService } from '../support/service.ts';

/** Lets everything that is under way come to rest. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < 40; turns++) await turn();
}

/** Whether a promise has an end already. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  await quiet();
  return (await Promise.race([promise, Promise.resolve(open)])) !== open;
}

/** A reply queue that keeps what comes. */
function replies({ clientTransport }: Service, queue: string): Promise<Listener> {
  const topology = { exchanges: [], queues: aQueue(queue).queues, bindings: [] };
  return Listener.on(clientTransport, topology, queue, 100, (message) => message.accept());
}

test('a request is recorded, then accepted, then executed, then answered [R-01, R-03]', async () => {
  const [recording, running] = [gate(), gate()];
  const work = { class: 'work', record: () => recording.passed, run: () => running.passed } as const;
  await withService({ create_volume: work }, async (service) => {
    const { endpoint } = service;
    const answers = await replies(service, 'reply_a');
    const published = service.publish(aCall('create_volume', 'reply_a', { id: 'v' }));
    await eventually('the record begins', () => endpoint.recorded('create_volume', 'v') === 1);
    assert.equal(await isSettled(published), false, 'not accepted before the record');

    recording.open();
    assert.deepEqual(await published, { outcome: 'accepted' });
    await eventually('it runs', () => endpoint.ran('create_volume', 'v') === 1);
    assert.equal(answers.messages.length, 0, 'no answer before the end');

    running.open();
    await answers.have(1);
  });
});

test('a repeatable call is accepted after its execution [R-05, rpc 2.3]', async () => {
  const running = gate();
  await withService({ attachment_update: { run: () => running.passed } }, async (service) => {
    const published = service.publish(aCall('attachment_update', 'reply_x'));
    await eventually('it runs', () => service.endpoint.ran('attachment_update') === 1);
    assert.equal(await isSettled(published), false);

    running.open();
    assert.deepEqual(await published, { outcome: 'accepted' });
  });
});

test('a signal is accepted on receipt [rpc 2.3]', async () => {
  const running = gate();
  const signal = { class: 'signal', record: () => running.passed } as const;
  await withService({ publish_service_capabilities: signal }, async ({ cast }) => {
    assert.deepEqual(await cast('publish_service_capabilities'), { outcome: 'accepted' });
    running.open();
  });
});

test('where there is nothing to do the message is settled, and a call is answered with null [R-04, R-10]', async () => {
  const methods = {
    delete_volume: { class: 'work', record: async () => false },
    get: { record: async () => false },
  } as const;
  await withService(methods, async ({ cast, call, endpoint }) => {
    assert.deepEqual(await cast('delete_volume', { id: 'v' }), { outcome: 'accepted' });
    assert.equal(await call('get'), null);
    assert.equal(endpoint.ran('delete_volume', 'v') + endpoint.ran('get'), 0);
  });
});

test('a copy of what runs is tied to it: one execution, one reply [R-08]', async () => {
  const running = gate();
  await withService({ attach: { run: () => running.passed } }, async (service) => {
    const answers = await replies(service, 'reply_b');
    const message = aCall('attach', 'reply_b', { id: 'v' });
    const first = service.publish(message);
    await eventually('it runs', () => service.endpoint.ran('attach', 'v') === 1);
    const copy = service.publish(message);
    assert.equal(await isSettled(copy), false);

    running.open();
    await Promise.all([first, copy]);
    await answers.have(1);
    assert.deepEqual([service.endpoint.ran('attach', 'v'), answers.messages.length], [1, 1]);
  });
});

test('a copy of what has ended is dropped [R-08]', async () => {
  await withService({ create_volume: { class: 'work' } }, async ({ publish, endpoint }) => {
    const message = aCast('create_volume', { id: 'v' });
    await publish(message);
    await eventually('it ran', () => endpoint.ran('create_volume', 'v') === 1);

    assert.deepEqual(await publish(message), { outcome: 'accepted' });
    assert.deepEqual([endpoint.recorded('create_volume', 'v'), endpoint.ran('create_volume', 'v')], [1, 1]);
  });
});

test('a copy of what is not recorded yet is not settled before it is [R-08, R-09]', async () => {
  const recording = gate();
  await withService({ create_volume: { class: 'work', record: () => recording.passed } }, async (service) => {
    const message = aCast('create_volume', { id: 'v' });
    const both = [service.publish(message), service.publish(message)];
    await eventually('the record begins', () => service.endpoint.recorded('create_volume', 'v') === 1);
    assert.equal(await isSettled(Promise.race(both)), false);

    recording.open();
    await Promise.all(both);
    assert.equal(service.endpoint.recorded('create_volume', 'v'), 1);
  });
});

test('a consumer lost between receipt and record changes nothing: the copy that comes is tied [R-09]', async () => {
  const recording = gate();
  await withService({ create_volume: { class: 'work', record: () => recording.passed } }, async (service) => {
    const { server, endpoint, broker } = service;
    const published = service.publish(aCast('create_volume', { id: 'v' }));
    await eventually('the record begins', () => endpoint.recorded('create_volume', 'v') === 1);

    const { connection, admin } = await rawClient(broker);
    await admin.deleteQueue(testQueue);
    await eventually('the consumer is back', () => server.breaks === 1 && server.consuming);
    recording.open();

    await eventually('it ran', () => endpoint.ran('create_volume', 'v') === 1);
    assert.equal((await published).outcome, 'released', 'the broker forgot it with the queue');
    await connection.close();
  });
});

test('the database away: unsettled, tried again, nothing more asked for [R-12]', async () => {
  let away = true;
  const record = async (): Promise<void> => {
    if (away) throw new DatabaseError('away', 'connection refused');
  };
  const { logs, at } = recordedLogs();
  const methods = { create_volume: { class: 'work', record } } as const;
  await withService(
    methods,
    async ({ cast, endpoint, clientTransport }) => {
      const first = cast('create_volume', { id: 'a' });
      await eventually('a second try', () => endpoint.recorded('create_volume', 'a') >= 2);
      const others = ['b', 'c', 'd'].map((id) => cast('create_volume', { id }));
      await eventually('the broker holds two', async () => (await clientTransport.depth(testQueue)) === 2);
      assert.equal(await isSettled(Promise.race([first, ...others])), false);

      away = false;
      await Promise.all([first, ...others]);
      await eventually('all ran', () => endpoint.runs.size === 4);
      assert.ok([...endpoint.runs.values()].every((count) => count === 1));
      assert.equal(at('WARNING').filter((line) => /does not answer/.test(line)).length, 1);
      assert.equal(at('INFO').filter((line) => /answers again/.test(line)).length, 1);
    },
    { slots: 2, logs },
  );
});

test('the database away for long: the queues go back to the broker until it answers [R-12]', async () => {
  let away = true;
  const failing = async (): Promise<void> => {
    if (away) throw new DatabaseError('away', 'connection refused');
  };
  const methods = { create_volume: { class: 'work', record: failing } } as const;
  await withService(
    methods,
    async ({ cast, endpoint, clientTransport, server }) => {
      const published = cast('create_volume', { id: 'v' });
      await eventually('the broker has it again', async () => (await clientTransport.depth(testQueue)) === 1);
      assert.deepEqual([server.consuming, server.running()], [false, []]);
      const tries = endpoint.recorded('create_volume', 'v');

      away = false;
      assert.deepEqual(await published, { outcome: 'accepted' });
      await eventually('it ran', () => endpoint.ran('create_volume', 'v') === 1);
      assert.equal(endpoint.recorded('create_volume', 'v'), tries + 1);
      assert.equal(server.breaks, 0, 'giving back is no loss');
    },
    { times: { databasePatience: 100 }, databaseAnswers: failing },
  );
});

test('what the database refuses three times is settled, logged and answered [R-12]', async () => {
  const { logs, lines } = recordedLogs();
  const record = async (): Promise<void> => {
    throw new DatabaseError('refused', 'no such column');
  };
  const methods = { create_volume: { class: 'work', record }, get: { record } } as const;
  await withService(
    methods,
    async ({ cast, call, endpoint }) => {
      assert.deepEqual(await cast('create_volume', { id: 'v' }), { outcome: 'accepted' });
      await assert.rejects(call('get'), { name: 'CinderException', message: 'no such column' });

      assert.deepEqual([endpoint.recorded('create_volume', 'v'), endpoint.ran('create_volume', 'v')], [3, 0]);
      const errors = lines.filter(({ level, error }) => level === 'ERROR' && error instanceof DatabaseError);
      assert.equal(errors.length, 2);
    },
    { logs },
  );
});

test('casts hold three quarters of the slots at most, calls get the rest, and each next one starts when one ends [R-13, L-11A]', async () => {
  const gates = new Map<string, ReturnType<typeof gate>>();
  const run = (args: Readonly<Record<string, unknown>>): Promise<void> => {
    const made = gate();
    gates.set(String(args['id']), made);
    return made.passed;
  };
  const methods = { work: { class: 'work', run }, call: { run } } as const;
  await withService(
    methods,
    async (service) => {
      const { server, endpoint } = service;
      const casts = ['w1', 'w2', 'w3', 'w4'].map((id) => service.cast('work', { id }));
      await eventually('three casts run', () => endpoint.runs.size === 3);
      const calls = ['c1', 'c2'].map((id) => service.publish(aCall('call', 'reply_none', { id })));
      await eventually('one call runs beside them', () => endpoint.ran('call', 'c1') === 1);
      await quiet();
      assert.deepEqual([endpoint.ran('work', 'w4'), endpoint.ran('call', 'c2'), server.waitingCasts], [0, 0, 1]);
      assert.equal(await isSettled(casts[3] ?? Promise.resolve()), false, 'what waits is not settled');

      gates.get('w1')?.open();
      await eventually('the cast that waits', () => endpoint.ran('work', 'w4') === 1);
      assert.equal(endpoint.ran('call', 'c2'), 0);
      gates.get('c1')?.open();
      await eventually('the call that waits', () => endpoint.ran('call', 'c2') === 1);
      for (const { open } of gates.values()) open();
      await Promise.all([...casts, ...calls]);
    },
    { slots: 4, replyTimeout: 0 },
  );
});

test('a handler that calls its own service is served while casts fill their share [R-13, rpc 5.3]', async () => {
  let own: (() => Promise<unknown>) | undefined;
  const methods = { work: { class: 'work', run: () => own?.() }, get_capabilities: { run: () => 'answer' } } as const;
  await withService(
    methods,
    async ({ cast, call, endpoint, server }) => {
      own = () => call('get_capabilities');
      await Promise.all(Array.from({ length: 9 }, (_, at) => cast('work', { id: String(at) })));
      await eventually('all ended', () => endpoint.runs.size === 10 && server.running().length === 0);
    },
    { slots: 4 },
  );
});

test('256 casts wait here, the broker holds the rest [R-13]', async () => {
  const running = gate();
  const methods = { work: { class: 'work', run: () => running.passed } } as const;
  await withService(
    methods,
    async ({ cast, server, clientTransport, endpoint }) => {
      const casts = Array.from({ length: 300 }, (_, at) => cast('work', { id: String(at) }));
      await eventually('no more is asked for', () => server.waitingCasts === 256);
      await eventually('the rest waits there', async () => (await clientTransport.depth(testQueue)) === 300 - 256 - 3);

      running.open();
      await Promise.all(casts);
      await eventually('all ran', () => endpoint.runs.size === 300);
    },
    { slots: 4 },
  );
});

test('a cast that waits too long is given back, and comes anew [R-13]', async () => {
  const running = gate();
  const methods = { work: { class: 'work', run: () => running.passed } } as const;
  await withService(
    methods,
    async ({ cast, server, endpoint }) => {
      const casts = ['a', 'b', 'c', 'd'].map((id) => cast('work', { id }));
      await eventually('three run, one waits', () => server.waitingCasts === 1 && endpoint.runs.size === 3);
      await eventually('it was given back', () => server.waitingCasts === 0);
      await eventually('it came again', () => server.waitingCasts === 1);
      assert.deepEqual([server.breaks, await isSettled(casts[3] ?? Promise.resolve())], [0, false]);

      running.open();
      await Promise.all(casts);
      await eventually('all ran', () => endpoint.runs.size === 4);
      assert.ok([...endpoint.runs.values()].every((count) => count === 1));
    },
    { slots: 4, times: { longestWait: 50, lookEvery: 20 } },
  );
});

test('a drain starts nothing more, settles what runs, and gives the rest back at once [R-14, L-171, L-175]', async () => {
  const running = gate();
  const methods = {
    work: { class: 'work', run: () => running.passed },
    attach: { run: () => running.passed },
  } as const;
  await withService(
    methods,
    async (service) => {
      const { server, endpoint, clientTransport } = service;
      const answers = await replies(service, 'reply_d');
      const attach = service.publish(aCall('attach', 'reply_d', { id: 'a' }));
      const casts = ['w1', 'w2', 'w3', 'w4', 'w5'].map((id) => service.cast('work', { id }));
      await eventually('a call and four casts run', () => endpoint.runs.size === 5);
      await eventually('one cast waits', () => server.waitingCasts === 1);

      const drained = server.drain();
      assert.deepEqual(await attach, { outcome: 'accepted' }, 'accepted before its end');
      await eventually('what waited is back', async () => (await clientTransport.depth(testQueue)) === 1);
      assert.deepEqual([server.waitingCasts, server.running().length, server.consuming], [0, 5, false]);
      assert.equal(await isSettled(drained), false);

      running.open();
      await drained;
      assert.equal((await answers.have(1)).length, 1, 'the answer was sent before the drain ended');

      await server.resume();
      await Promise.all(casts);
      await eventually('what came back ran', () => endpoint.ran('work', 'w5') === 1);
      assert.ok([...endpoint.runs.values()].every((count) => count === 1));
    },
    { slots: 6 },
  );
});

test('a drain while a record waits for the database gives the message back [R-14, R-12]', async () => {
  const record = async (): Promise<void> => {
    throw new DatabaseError('away', 'gone');
  };
  await withService({ work: { class: 'work', record } }, async ({ cast, server, endpoint, clientTransport }) => {
    const published = cast('work', { id: 'v' });
    await eventually('it is tried', () => endpoint.recorded('work', 'v') >= 1);

    await server.drain();

    await eventually('the broker has it', async () => (await clientTransport.depth(testQueue)) === 1);
    assert.equal(await isSettled(published), false);
  });
});

test('a repeatable call whose caller has given up is accepted early, and ends all the same [R-16]', async () => {
  const running = gate();
  await withService(
    { attach: { run: () => running.passed } },
    async (service) => {
      const published = service.publish(aCall('attach', 'reply_none', { id: 'v' }));

      assert.deepEqual(await published, { outcome: 'accepted' });
      assert.equal(service.server.running()[0]?.about, 'v');
      running.open();
      await eventually('it ended', () => service.server.running().length === 0);
    },
    { responseTimeout: 0.05, replyTimeout: 0, times: { lookEvery: 20 } },
  );
});

test('a delivery with 1024 later ones behind it is settled if it is repeatable, and given back if it waits [R-13, R-16]', async () => {
  const running = gate();
  const methods = {
    long: { class: 'work', run: () => running.passed },
    slow: { run: () => running.passed },
    quick: {},
  } as const;
  await withService(
    methods,
    async ({ publish, cast, server, endpoint }) => {
      const slow = publish(aCall('slow', 'reply_none'));
      const casts = ['1', '2', '3', '4'].map((id) => cast('long', { id }));
      await eventually('one cast waits', () => server.waitingCasts === 1);
      const quick = Array.from({ length: 1100 }, (_, at) => publish(aCall('quick', 'reply_none', { id: `q${at}` })));

      assert.deepEqual(await slow, { outcome: 'accepted' });
      await Promise.all(quick);
      await eventually('the cast came anew, and waits', () => server.waitingCasts === 1);
      assert.equal(await isSettled(casts[3] ?? Promise.resolve()), false);

      running.open();
      await Promise.all(casts);
      await eventually('all ran', () => endpoint.runs.size === 1105);
      assert.ok([...endpoint.runs.values()].every((count) => count === 1));
    },
    { slots: 5, replyTimeout: 0 },
  );
});

test('a monitored call gets signs of life until its answer [M-23]', async () => {
  const running = gate();
  await withService({ long: { run: () => running.passed } }, async (service) => {
    const answers = await replies(service, 'reply_m');
    const published = service.publish(aCall('long', 'reply_m', {}, 2));
    await answers.have(2);
    running.open();
    await published;
    await eventually('the answer', () => {
      const last = answers.messages.at(-1);
      return last !== undefined && decodeEnvelope(last.body)['ending'] === true;
    });

    const bodies = answers.messages.map(({ body }) => decodeEnvelope(body));
    assert.deepEqual(
      bodies.slice(0, 2).map(({ result, failure, ending }) => [result, failure, ending]),
      [
        [null, null, false],
        [null, null, false],
      ],
    );
    assert.equal(bodies.filter(({ ending }) => ending === true).length, 1);
    assert.equal(new Set(bodies.map((body) => body['_unique_id'])).size, bodies.length);
  });
});

test('what is no message is settled, logged at ERROR with its beginning, and answered where it can be [M-28, R-11]', async () => {
  const { logs, at } = recordedLogs();
  await withService(
    {},
    async (service) => {
      const answers = await replies(service, 'reply_bad');
      const bodies = [
        Buffer.from('no json {'),
        Buffer.from([0xff, 0xfe, 0x00]),
        Buffer.from('[]'),
        Buffer.from('{"oslo.version": "3.0", "oslo.message": "{}"}'),
        Buffer.from('{"oslo.version": "2.0", "oslo.message": "{\\"args\\": {}}"}'),
        Buffer.from(`{"a": ${'['.repeat(5000)}${']'.repeat(5000)}}`),
        Buffer.alloc(17 * 2 ** 20, 0x20),
        Buffer.from('{"method": "x", "args": 5, "_msg_id": "m", "_reply_q": "reply_bad"}'),
      ];
      for (const body of bodies) {
        const to = { exchange: '', key: testQueue };
        assert.deepEqual(await service.clientTransport.publish({ to, body }, { within: 10_000, again: true }), {
          outcome: 'accepted',
        });
      }

      const [answer] = await answers.have(1);
      assert.match(String(decodeEnvelope(answer?.body ?? Buffer.alloc(0))['failure']), /"class":"ValueError"/);
      assert.equal(at('ERROR').length, bodies.length);
      assert.ok(at('ERROR').every((line) => line.includes(testQueue) && line.length < 1500));
    },
    { logs },
  );
});

test('an endpoint that throws what is no error harms nobody [M-28]', async () => {
  const { logs, at } = recordedLogs();
  const run = (): never => {
    throw 'a string';
  };
  await withService(
    { broken: { run }, fine: { run: () => 1 } },
    async ({ call }) => {
      await assert.rejects(call('broken'), { name: 'CinderException', message: 'a string' });
      assert.equal(await call('fine'), 1);
      assert.equal(at('ERROR').length, 1);
    },
    { logs },
  );
});

test('a result that JSON cannot hold is a failure to the caller [R-19]', async () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  await withService({ get: { run: () => cycle } }, async ({ call }) => {
    await assert.rejects(call('get'), { name: 'CinderException', message: /cannot be written as JSON/ });
  });
});

test('each record of a request bears its request id [G-023]', async () => {
  const seen: unknown[] = [];
  const note = (): void => {
    seen.push(logContext()?.request_id);
  };
  const methods = { get: { record: async () => note(), run: note } };
  await withService(methods, async (service) => {
    await service.publish({ ...aCast('get'), _context_request_id: 'req-1' });
    await eventually('it ran', () => seen.length === 2);

    assert.deepEqual([seen, logContext()], [['req-1', 'req-1'], undefined]);
  });
});

test('what runs is shown with its resource, request and age, and ended requests are told to the metrics [O-15, O-16]', async () => {
  const running = gate();
  const observed: [string, string][] = [];
  const failing = { run: () => Promise.reject(new InvalidVolume({ reason: 'no' })) };
  await withService(
    { create_volume: { class: 'work', run: () => running.passed }, attach: failing },
    async (service) => {
      const { server } = service;
      await service.publish({ ...aCast('create_volume', { id: 'v' }), _context_request_id: 'req-2' });
      await eventually('it runs', () => server.running().length === 1);
      const [operation] = server.running();
      assert.deepEqual({ ...operation, age: 0 }, { method: 'create_volume', about: 'v', requestId: 'req-2', age: 0 });
      assert.ok((operation?.age ?? -1) >= 0);
      assert.deepEqual([server.concerns('v'), server.concerns('w')], [true, false]);

      await assert.rejects(service.call('attach'), { name: 'InvalidVolume' });
      running.open();
      await eventually('both are told', () => observed.length === 2);
      assert.deepEqual(observed, [
        ['attach', 'InvalidVolume'],
        ['create_volume', 'ok'],
      ]);
    },
    { observe: (method, result) => observed.push([method, result]) },
  );
});

test('a probe goes the whole way and comes back [O-10]', async () => {
  await withService({}, async ({ server }) => {
    const { signal } = new AbortController();
    assert.equal(await server.probe(signal), 'ok');
    await server.drain();
    assert.equal(await server.probe(signal), 'busy');
    await server.resume();
    assert.equal(await server.probe(signal), 'ok');
  });
});

test('a queue that somebody deleted is back before anybody asks, and its loss is told [O-10, manager 2.6]', async () => {
  await withService({ get: { run: () => 1 } }, async ({ server, broker, call }) => {
    const events: string[] = [];
    server.onEvent((event) => events.push(event.type));
    const { connection, admin } = await rawClient(broker);

    await admin.deleteQueue(testQueue);
    await eventually('it is consumed again', () => server.breaks === 1 && server.consuming);

    assert.deepEqual(events, ['consumer lost', 'consuming']);
    assert.equal(await call('get'), 1);
    assert.equal(await server.probe(new AbortController().signal), 'ok');
    await connection.close();
  });
});

test('what waits at the broker is counted over the queues that peers address [manager 2.6]', async () => {
  await withService({}, async ({ server, cast }) => {
    await server.drain();
    const waiting = [cast('x'), cast('y')];
    await eventually('two wait', async () => (await server.depth()) === 2);
    await server.resume();
    await Promise.all(waiting);
    assert.equal(await server.depth(), 0);
  });
});

test('closing aborts what runs and deletes the fan-out queues of this process [M-15]', async () => {
  const aborted: unknown[] = [];
  const run = (_args: unknown, signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push('aborted');
        reject(signal.reason);
      });
    });
  await withService({ work: { class: 'work', run } }, async ({ cast, server, broker }) => {
    await cast('work', { id: 'v' });
    await eventually('it runs', () => server.running().length === 1);
    const publisher = await aTransport(broker);
    const toAll = { to: { exchange: 'cinder-volume_fanout', key: '' }, body: Buffer.from('{"method": "x"}') };
    assert.equal((await publisher.publish(toAll, { within: 5000, again: true })).outcome, 'accepted');

    await server.close();

    assert.deepEqual(aborted, ['aborted']);
    assert.equal((await publisher.publish(toAll, { within: 5000, again: true })).outcome, 'released');
    await publisher.close(0);
  });
});

test('answers of peers that ask at once go each to its own caller [M-58]', async () => {
  await withService({ echo: { run: (args) => args } }, async ({ call }) => {
    const answers = await Promise.all(Array.from({ length: 300 }, (_, at) => call('echo', { id: String(at) })));
    assert.ok(answers.every((answer, at) => field(answer, 'id') === String(at)));
  });
});
