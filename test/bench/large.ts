import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, fakeBackend } from '../support/daemon.ts';
import { execute, rowsOf } from '../support/database.ts';
import { pssOf, type Row, timed, withDaemon } from './measure.ts';

const volumes = 50_000;

/** A start with as many volumes as a large backend has. */
export async function* largeRows(): AsyncGenerator<Row> {
  const backends = { large: fakeBackend() };
  const { took, memory } = await withDaemon({ backends }, async (daemon) => {
    mkdirSync(join(daemon.folder, 'locks'), { recursive: true });
    await daemon.startUp();
    const { host, pid } = await daemon.backend('large');
    const before = pssOf(pid ?? 0);
    fill(join(daemon.folder, 'cinder.sqlite'), `${host}#large`);
    await daemon.stop();
    const took = await timed(() => daemon.startUp());
    return { took, memory: pssOf(await pidOf(daemon)) - before };
  });
  yield { what: 'start with 50,000 volumes: serving', aim: '<= 5000 ms', unit: 'ms', samples: [took] };
  yield { what: 'start with 50,000 volumes: more memory', aim: '<= 50 MB', unit: 'MB', samples: [memory] };
}

async function pidOf(daemon: Daemon): Promise<number> {
  return (await daemon.backend('large')).pid ?? 0;
}

function fill(path: string, host: string): void {
  const [type] = rowsOf(path, "SELECT id FROM volume_types WHERE name = '__DEFAULT__'");
  const rows = Array.from({ length: volumes }, () => {
    const id = randomUUID();
    return `('${id}', 0, 'bench', 'bench', '${host}', 1, 'available', 'detached', '${String(type?.['id'])}', 1, '2026-01-01')`;
  });
  for (let at = 0; at < rows.length; at += 500) {
    execute(
      path,
      `INSERT INTO volumes (id, deleted, user_id, project_id, host, size, status, attach_status, volume_type_id, use_quota, created_at)
       VALUES ${rows.slice(at, at + 500).join(',')}`,
    );
  }
}
