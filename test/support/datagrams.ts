import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** Binds a datagram socket, `@name` for an abstract one, and prints each datagram as a line of JSON. */
const receiver = `
import json, socket, sys
place = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + place[1:] if place.startswith('@') else place)
print('bound', flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;

/** What systemd would get at `place`: a datagram's lines each, in their order. Ends with the test. */
export async function datagramsAt(t: Pick<TestContext, 'after'>, place: string): Promise<string[][]> {
  const child = spawn('/usr/bin/python3', ['-c', receiver, place], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const received: string[][] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== 'bound') received.push(String(JSON.parse(line)).split('\n'));
  });
  await once(child.stdout, 'data');
  return received;
}
