import { program } from '../support/daemon.ts';
import { processTime, type Row, withDaemon } from './measure.ts';

const rounds = 15;

/** What a command costs beyond Node itself; the two alternate, so that a busy moment meets both. */
export async function* commandRows(): AsyncGenerator<Row> {
  const bare: number[] = [];
  const version: number[] = [];
  const check: number[] = [];
  await withDaemon({}, async ({ conf }) => {
    for (let round = 0; round < rounds; round++) {
      const node = processTime(['-e', '0']);
      bare.push(node);
      version.push(processTime([program, '--version']) - node);
      check.push(processTime([program, 'config', 'check', '--config-file', conf]) - node);
    }
  });
  yield { what: 'node -e 0', aim: '', unit: 'ms', samples: bare };
  yield { what: '--version, beyond node', aim: '<= 60 ms', unit: 'ms', samples: version };
  yield { what: 'config check, beyond node', aim: '<= 160 ms', unit: 'ms', samples: check };
}
