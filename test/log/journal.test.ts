import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openJournal } from '../../src/log/journal.ts';
import { eventually } from '../support/eventually.ts';
import { aRecord } from '../support/log-record.ts';
import { logIdentity } from '../support/log-values.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Journald {
  readonly path: string;
  /** What each connection has sent. */
  readonly streams: string[];
  readonly sockets: Socket[];
  stop(): Promise<void>;
}

/** Something that listens as journald does. */
async function journald(t: TestContext, path = join(temporaryFolder(t), 'stdout')): Promise<Journald> {
  const streams: string[] = [];
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    const index = streams.push('') - 1;
    sockets.push(socket);
    socket.setEncoding('utf8').on('data', (text: string) => {
      streams[index] += text;
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(path, { force: true });
  };
  t.after(stop);
  return { path, streams, sockets, stop };
}

test('journald gets who speaks, then each line with its priority [G-071]', async (t) => {
  const { path, streams } = await journald(t);
  const sink = await openJournal(3, logIdentity({ sockets: { journal: path } }), () => {});

  sink.write(aRecord({ level: 'ERROR' }), 'one\ntwo');
  sink.write(aRecord({ level: 'DEBUG' }), 'three');
  await sink.close();
  await eventually('it has arrived', () => streams[0]?.endsWith('three\n'));

  assert.deepEqual(streams, ['cinder-volume\n\n30\n1\n0\n0\n0\n<3>one\n<3>two\n<7>three\n']);
});

test('no journald is one line [G-004, O-21]', async () => {
  const identity = logIdentity({ sockets: { journal: '/nonexistent/stdout' } });

  await assert.rejects(
    openJournal(1, identity, () => {}),
    {
      name: 'LogError',
      message: /^use_journal: cannot reach journald at \/nonexistent\/stdout: .*ENOENT/,
    },
  );
});

test('a journald that restarts gets what was logged meanwhile, and its absence is told [G-071]', async (t) => {
  const first = await journald(t);
  const complaints: string[] = [];
  const identity = logIdentity({ sockets: { journal: first.path } });
  const sink = await openJournal(1, identity, (text) => complaints.push(text));
  await eventually('it is connected', () => first.streams.length === 1);

  await first.stop();
  await eventually('it is missed', () => {
    sink.write(aRecord(), 'meanwhile');
    return complaints.length > 0;
  });
  const second = await journald(t, first.path);
  await eventually('it is found again', () => {
    sink.write(aRecord(), 'later');
    return second.streams[0]?.includes('later');
  });
  await sink.close();

  assert.match(complaints[0] ?? '', /^journald is away: /);
  assert.match(second.streams[0] ?? '', /<6>meanwhile\n<6>.*later\n/s);
});

test('a journald that does not read holds nobody up, and what it misses is counted [G-071, G-082]', async (t) => {
  const { path, sockets } = await journald(t);
  const complaints: string[] = [];
  const sink = await openJournal(1, logIdentity({ sockets: { journal: path } }), (text) => complaints.push(text));
  await eventually('it is connected', () => sockets.length === 1);
  sockets[0]?.pause();

  for (let line = 0; line < 20_000; line++) sink.write(aRecord(), 'x'.repeat(1000));

  assert.match(complaints.join('\n'), /^journald has fallen behind, 1 records were not sent to it$/);
});
