import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Sink } from '../../src/log/sink.ts';
import { openSyslog } from '../../src/log/syslog.ts';
import { eventually } from '../support/eventually.ts';
import { aRecord } from '../support/log-record.ts';
import { logIdentity } from '../support/log-values.ts';
import { programStarter } from '../support/starter.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Puts a `logger` first on the path that notes its arguments and its input, and ends as told. */
function standIn(t: TestContext): { folder: string; runs: () => string[]; heard: () => string[] } {
  const folder = temporaryFolder(t);
  const noted = (name: string) => (): string[] => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  };
  const script = `#!/bin/sh
echo "$*" >> ${folder}/runs
while IFS= read -r line; do
  printf '%s\\n' "$line" >> ${folder}/heard
  case $line in *'please die'*) exit 3;; esac
done
`;
  writeFileSync(join(folder, 'logger'), script, { mode: 0o755 });
  return { folder, runs: noted('runs'), heard: noted('heard') };
}

async function open(t: TestContext, folder: string, complaints: string[] = []): Promise<Sink> {
  const identity = logIdentity({ executor: async () => programStarter(t, folder), sockets: { syslog: folder } });
  const sink = await openSyslog(19, undefined, identity, (text) => complaints.push(text));
  t.after(() => sink.close());
  return sink;
}

test('each line of a record is one message with its priority and facility [G-070]', async (t) => {
  const { folder, runs, heard } = standIn(t);
  const sink = await open(t, folder);

  for (const level of ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const) {
    sink.write(aRecord({ level }), `${level} text`);
  }
  sink.write({ ...aRecord(), levelno: 21 }, 'one\ntwo');
  await sink.close();

  assert.deepEqual(heard(), [
    '<154>CRITICAL text',
    '<155>ERROR text',
    '<156>WARNING text',
    '<158>INFO text',
    '<159>DEBUG text',
    '<159>one',
    '<159>two',
  ]);
  assert.deepEqual(runs(), [`--prio-prefix --size 65536 --tag cinder-volume --socket ${folder}`]);
});

test('a logger that dies is started again, and what is logged meanwhile waits for it [G-070]', async (t) => {
  const { folder, runs, heard } = standIn(t);
  const complaints: string[] = [];
  const sink = await open(t, folder, complaints);

  sink.write(aRecord(), 'please die');
  await eventually('it is heard', () => heard().length === 1);
  await eventually('another one is running', () => {
    sink.write(aRecord(), 'after');
    return runs().length > 1 && heard().includes('<158>after');
  });
  await sink.close();

  assert.equal(runs().length, 2);
  assert.deepEqual(complaints, []);
});

test('a logger that is missing is one line [G-004]', async () => {
  const start = async (): Promise<never> => {
    throw new Error('ENOENT: no such file or directory');
  };
  const executor = async (): Promise<{ start: typeof start }> => ({ start });

  await assert.rejects(
    openSyslog(1, undefined, logIdentity({ executor }), () => {}),
    { name: 'LogError', message: 'use_syslog: cannot start the program logger: no such file or directory' },
  );
  await assert.rejects(
    openSyslog(1, undefined, logIdentity(), () => {}),
    { name: 'LogError', message: /^use_syslog: / },
  );
});

test('a syslog that is not there is told, and does not stop the daemon [G-070]', async (t) => {
  const { folder, heard } = standIn(t);
  const complaints: string[] = [];
  const identity = logIdentity({ executor: async () => programStarter(t, folder) });
  const sink = await openSyslog(1, '/nonexistent/log', identity, (text) => complaints.push(text));

  sink.write(aRecord(), 'text');
  await sink.close();

  assert.deepEqual(complaints, ['syslog is not there (/nonexistent/log): what is logged is lost to it until it is']);
  assert.deepEqual(heard(), ['<14>text']);
});

const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(s.recv(200000).decode(), flush=True)
`;

test('the real logger sends datagrams without a pid, long lines whole [G-070]', async (t) => {
  const missing = ['logger', 'python3'].filter((program) => spawnSync(program, ['--version']).status !== 0);
  if (missing.length > 0) return t.skip(`not installed: ${missing.join(', ')}`);
  const socket = join(temporaryFolder(t), 'log');
  const child = spawn('python3', ['-c', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let heard = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  await eventually('it listens', () => heard === 'bound\n');
  const identity = logIdentity({ executor: async () => programStarter(t), sockets: { syslog: socket } });
  const sink = await openSyslog(19, undefined, identity, () => {});

  sink.write(aRecord({ level: 'ERROR' }), `é ${'x'.repeat(5000)}`);
  await sink.close();
  await eventually('it is heard', () => heard.endsWith('x\n'));

  assert.match(heard, /^bound\n<155>\w{3} [ \d]\d \d\d:\d\d:\d\d cinder-volume: é x{5000}\n$/);
});
