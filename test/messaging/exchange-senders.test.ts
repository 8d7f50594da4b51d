import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type AmqpConnection,
  AmqpFailure,
  type Outgoing,
  type SenderEvents,
  type Settlement,
} from '../../src/messaging/amqp.ts';
import { ExchangeSenders } from '../../src/messaging/exchange-senders.ts';

interface Opened {
  readonly address: string | undefined;
  readonly on: SenderEvents;
  readonly sent: Outgoing[];
  readonly settle: ((settlement: Settlement) => void)[];
  ended: boolean;
}

/** A connection whose senders are in the hands of the test; `refuse` says which addresses are refused, and how. */
function aConnection(refuse: (address: string) => AmqpFailure | undefined = () => undefined) {
  const opened: Opened[] = [];
  const connection = {
    openSender: async (address: string | undefined, on: SenderEvents) => {
      const failure = refuse(String(address));
      if (failure !== undefined) throw failure;
      const link: Opened = { address, on, sent: [], settle: [], ended: false };
      opened.push(link);
      return {
        room: true,
        maxMessage: 0,
        send: (message: Outgoing, settled: (settlement: Settlement) => void) => {
          link.sent.push(message);
          link.settle.push(settled);
        },
        end: () => {
          link.ended = true;
        },
      };
    },
  } as unknown as AmqpConnection;
  return { connection, opened };
}

function message(to: string, body: string): Outgoing {
  return { to, subject: 'key', body };
}

test('each address has a sender of its own, opened once, and the address does not travel [M-50]', async () => {
  const { connection, opened } = aConnection();
  const senders = new ExchangeSenders(connection, { room: () => {}, ended: () => {} });
  const outcomes: Settlement[] = [];

  for (const [to, body] of [
    ['/queue', '1'],
    ['/exchange/openstack', '2'],
    ['/queue', '3'],
  ] as const) {
    senders.send(message(to, body), (settlement) => outcomes.push(settlement));
  }
  await turn();
  opened[0]?.settle[0]?.({ outcome: 'accepted' });

  assert.deepEqual(
    opened.map(({ address }) => address),
    ['/queue', '/exchange/openstack'],
  );
  assert.deepEqual(opened[0]?.sent, [
    { subject: 'key', body: '1' },
    { subject: 'key', body: '3' },
  ]);
  assert.deepEqual(outcomes, [{ outcome: 'accepted' }]);
});

test('a missing exchange rejects its own messages, and the next one tries again [M-14, M-51]', async () => {
  let missing = true;
  const failure = new AmqpFailure("no exchange 'x'", 'amqp:not-found');
  const { connection, opened } = aConnection((address) => (missing && address === '/exchange/x' ? failure : undefined));
  const ends: Error[] = [];
  const senders = new ExchangeSenders(connection, { room: () => {}, ended: (reason) => ends.push(reason) });
  const outcomes: Settlement[] = [];
  const send = () => senders.send(message('/exchange/x', 'm'), (settlement) => outcomes.push(settlement));

  send();
  await turn();
  missing = false;
  send();
  await turn();
  opened[0]?.on.ended(failure);

  const rejected = { outcome: 'rejected', condition: 'amqp:not-found', reason: "no exchange 'x'" };
  assert.deepEqual(outcomes, [rejected, rejected]);
  assert.equal(ends.length, 0);
});

test('any other loss is the end of all of them: what is under way is in doubt [M-43, M-44]', async () => {
  const { connection, opened } = aConnection();
  const ends: Error[] = [];
  const senders = new ExchangeSenders(connection, { room: () => {}, ended: (reason) => ends.push(reason) });
  const outcomes: Settlement[] = [];
  for (const to of ['/queue', '/exchange/x']) senders.send(message(to, 'm'), (settlement) => outcomes.push(settlement));
  await turn();

  opened[1]?.on.ended(new AmqpFailure('session error', 'amqp:internal-error'));

  assert.deepEqual([ends.length, outcomes.length, senders.room], [1, 0, false]);
  assert.equal(opened[0]?.ended, true);
});
