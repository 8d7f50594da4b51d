import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { needTools } from './iscsi.ts';
import { freePort, ServerProcess, serverFolder } from './private-server.ts';

const execute = promisify(execFile);

/** Debian's glance-api on a port of its own: images in files, rows in SQLite, no Keystone. */
export interface GlanceApi {
  readonly url: string;
  /** Makes a queued image. */
  make(meta: Readonly<Record<string, unknown>>): Promise<string>;
  /** The files in its store. */
  stored(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startGlanceApi(): Promise<GlanceApi> {
  await needTools('glance-api', 'glance-manage');
  const folder = serverFolder();
  const port = await freePort();
  const conf = join(folder, 'glance-api.conf');
  const stores = ['images', 'staging', 'tasks'].map((name) => join(folder, name));
  for (const store of stores) mkdirSync(store);
  writeFileSync(conf, configuration(folder, port, stores));
  // Its launcher is a script of Debian's own python.
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' };
  await execute('/usr/bin/glance-manage', ['--config-file', conf, 'db_sync'], { env, timeout: 300_000 });
  const url = `http://127.0.0.1:${port}`;
  const server = new ServerProcess(folder, ['/usr/bin/glance-api', '--config-file', conf], undefined, () =>
    fetch(`${url}/versions`).then((response) => response.arrayBuffer()),
  );
  await server.start();
  return {
    url,
    async make(meta) {
      const headers = { 'Content-Type': 'application/json' };
      const body = JSON.stringify({ name: 'image', ...meta });
      const response = await fetch(`${url}/v2/images`, { method: 'POST', headers, body });
      if (response.status !== 201)
        throw new Error(`Glance makes no image: ${response.status} ${await response.text()}`);
      return ((await response.json()) as { id: string }).id;
    },
    stored: () => readdir(join(folder, 'images')),
    stop: () => server.stop(),
  };
}

function configuration(folder: string, port: number, [images, staging, tasks]: readonly string[]): string {
  return `[DEFAULT]
bind_host = 127.0.0.1
bind_port = ${port}
workers = 0
enabled_backends = files:file
show_multiple_locations = true
show_image_direct_url = true
[database]
connection = sqlite:///${join(folder, 'glance.sqlite')}
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = ${images}
[os_glance_staging_store]
filesystem_store_datadir = ${staging}
[os_glance_tasks_store]
filesystem_store_datadir = ${tasks}
[paste_deploy]
flavor =
`;
}
