import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { CinderError } from '../../src/base/errors.ts';
import { type Logger, logContext, silent } from '../../src/base/log.ts';
import { dispatcher } from '../../src/messaging/dispatcher.ts';
import { BadMessage, decodeEnvelope, type Request, requestOf } from '../../src/messaging/envelope.ts';
import { adminContext } from '../../src/objects/context.ts';
import { decodingEndpoint } from '../support/decoding-endpoint.ts';
import { eventually } from '../support/eventually.ts';
import { heap } from '../support/heap.ts';
import { HostileMessages } from '../support/hostile.ts';
import { Listener } from '../support/listener.ts';
import { aClient, aServer, testQueue, testTarget } from '../support/messaging.ts';
import { OsloPeer } from '../support/oslo-peer.ts';
import { seeded } from '../support/seeded.ts';
import { connectTo, onEachRabbitMQ } from '../support/with-rabbitmq.ts';

const count = 25_000;

/** What is to be expected of a message: an answer, a line in the log, the request id in it. */
interface Expected {
  readonly msgId: string | undefined;
  readonly fails: boolean;
  readonly requestId: string | undefined;
}

/** Log lines at WARNING and above, and the request ids that they bear. */
function counted(): { readonly logger: Logger; readonly lines: () => number; readonly ids: Map<string, number> } {
  let lines = 0;
  const ids = new Map<string, number>();
  const note = (): void => {
    lines += 1;
    const id = logContext()?.request_id;
    if (typeof id === 'string') ids.set(id, (ids.get(id) ?? 0) + 1);
  };
  return { logger: { ...silent, warning: note, error: note, exception: note }, lines: () => lines, ids };
}

onEachRabbitMQ('hostile messages', {}, (broker, release) => {
  test('50,000 on both releases together: calls fail as oslo.messaging understands, each bad cast is logged once [M-28, R-11, G-023]', async (t) => {
    const messages = new HostileMessages(seeded(t));
    const table = decodingEndpoint(messages.methods);
    const dispatch = dispatcher(table, { ping: false });
    const { logger, lines, ids } = counted();
    const [own, other] = [await connectTo(broker().url()), await connectTo(broker().url())];
    const server = await aServer(own, table, { logs: () => logger });
    const replyQueue = `reply_${randomUUID().replaceAll('-', '')}`;
    const failures = new Map<string, string>();
    const answered = new Map<string, number>();
    const topology = {
      exchanges: [],
      queues: [{ name: replyQueue, durable: false, autoDelete: false, arguments: {} }],
      bindings: [],
    };
    const listener = await Listener.on(other, topology, replyQueue, 1_000_000, (message) => {
      message.accept();
      const { _msg_id: id, failure } = decodeEnvelope(message.body) as Record<string, unknown>;
      answered.set(String(id), (answered.get(String(id)) ?? 0) + 1);
      if (typeof failure === 'string') failures.set(JSON.parse(failure).class, failure);
      listener.messages.length = 0;
    });
    const expect = (body: Buffer): Expected => {
      let request: Request | undefined;
      try {
        request = requestOf(decodeEnvelope(body));
        dispatch(request).request(request.context, request.args);
        return { msgId: request.reply?.msgId, fails: false, requestId: undefined };
      } catch (error) {
        assert.ok(error instanceof BadMessage || error instanceof CinderError, String(error));
        const { reply, context } =
          error instanceof BadMessage ? error : { reply: request?.reply, context: request?.context };
        return { msgId: reply?.msgId, fails: true, requestId: context?.request_id };
      }
    };

    const expected: Expected[] = [];
    const round = async (size: number): Promise<void> => {
      const sent = Array.from({ length: size }, () => {
        const body = messages.next(replyQueue);
        expected.push(expect(body));
        return other.publish({ to: { exchange: '', key: testQueue }, body }, { within: 60_000, again: true });
      });
      const outcomes = await Promise.all(sent);
      assert.ok(outcomes.every(({ outcome }) => outcome === 'accepted'));
    };
    await round(1000);
    const before = heap();
    for (let at = 0; at < count; at += 1000) await round(1000);

    const asked = new Set(expected.flatMap(({ msgId, fails }) => (msgId !== undefined && fails ? [msgId] : [])));
    await eventually('every failed call is answered', () => [...asked].every((id) => answered.has(id)), 120_000);
    const client = aClient(other, 60);
    const alive = { method: messages.methods[0] ?? '', version: '3.0', args: {}, context: adminContext() };
    await client
      .call(testTarget, alive, {}, AbortSignal.timeout(60_000))
      .catch((error: unknown) => assert.ok(error instanceof CinderError));
    await client.close();
    const grown = heap() - before;
    t.diagnostic(
      `${asked.size} failed calls, ${lines()} lines, ${failures.size} classes, ${Math.round(grown / 1024)} KiB more`,
    );

    assert.equal(server.breaks, 0);
    assert.ok([...answered.values()].every((times) => times === 1));
    const bad = expected.filter(({ fails }) => fails);
    assert.ok(lines() >= bad.length, `${lines()} lines for ${bad.length} bad messages`);
    const peer = await OsloPeer.start(release, broker().url());
    const rebuilt = await peer.rebuild([...failures.values()]);
    await peer[Symbol.asyncDispose]();
    assert.equal(rebuilt.length, failures.size);
    assert.ok(ids.size > 0);
    assert.ok(grown < 60 * 2 ** 20, `${Math.round(grown / 1024)} KiB more`);

    await server.close();
    await Promise.all([own.close(0), other.close(0)]);
  });
});
