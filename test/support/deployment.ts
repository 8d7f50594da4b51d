import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { accepted, type Cinder } from './cinder.ts';
import type { Daemon } from './daemon.ts';

/** A whole Cinder around the daemon: who asks, who serves, and where the data of its backends lie. */
export interface Deployment {
  readonly cinder: Cinder;
  readonly daemon: Daemon;
  /** `host@backend` of two backends whose volumes are files in `files(backend)`. */
  readonly host: string;
  readonly backends: readonly [string, string];
  files(backend: string): string;
}

/** A volume type whose volumes go to one backend. */
export async function aType(cinder: Cinder, backend: string, specs: Readonly<Record<string, string>> = {}) {
  const extra_specs = { volume_backend_name: backend, ...specs };
  const body = { volume_type: { name: `on-${backend}-${randomUUID().slice(0, 8)}`, extra_specs } };
  return accepted(await cinder.post('/types', body)).volume_type as { readonly id: string; readonly name: string };
}

/** A volume that the API made and the daemon served. */
export async function anApiVolume(cinder: Cinder, volume: Readonly<Record<string, unknown>>) {
  const { id } = accepted(await cinder.post('/volumes', { volume: { size: 1, ...volume } })).volume;
  return cinder.becomes('volumes', id, 'available');
}

export async function anApiSnapshot(cinder: Cinder, volumeId: string) {
  const body = { snapshot: { volume_id: volumeId, name: 'of-a-test', force: true } };
  const { id } = accepted(await cinder.post('/snapshots', body)).snapshot;
  return cinder.becomes('snapshots', id, 'available');
}

export async function apiDelete(cinder: Cinder, kind: 'volumes' | 'snapshots', id: string, query = ''): Promise<void> {
  accepted(await cinder.delete(`/${kind}/${id}${query}`));
  await cinder.becomes(kind, id, 'deleted');
}

/** The size in bytes of the file that bears a name; undefined where there is none. */
export function fileSize({ files }: Deployment, backend: string, name: string): number | undefined {
  const path = join(files(backend), name);
  return existsSync(path) ? statSync(path).size : undefined;
}

/** What lies in the folders of both backends, but for lock files. */
export function leftovers({ files, backends }: Deployment): string[] {
  return backends.flatMap((backend) => readdirSync(files(backend)).filter((name) => !name.startsWith('.')));
}
