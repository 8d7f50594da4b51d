import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { canReach, relaySecret } from '../../src/targets/secret-relay.ts';
import { aFolder } from '../support/folder.ts';

test('puts the secret where the stand-in passes by, also in pieces, and leaves nothing behind', async (t) => {
  const folder = aFolder(t);
  const socket = join(folder, 'daemon.1');
  const daemon = createServer((client) => client.on('data', (chunk) => client.write(`<${chunk}>`))).listen(socket);
  await once(daemon, 'listening');
  t.after(() => daemon.close());

  const answer = await relaySecret({ socket, folder, standIn: 'AAAA', secret: 'real' }, async (relay) => {
    const client = connect(`${relay}.1`);
    client.write('user=me,pass=A');
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.write('AAA;');
    const [text] = await once(client, 'data');
    client.end();
    return String(text);
  });

  assert.equal(answer, '<user=me,pass=real;>');
  assert.deepEqual(readdirSync(folder), ['daemon.1']);
});

test('tells whether a daemon can be reached', async (t) => {
  const folder = aFolder(t);

  assert.equal(await canReach(join(folder, 'nobody.1')), false);
});
