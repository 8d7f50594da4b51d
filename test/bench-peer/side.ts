import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silent } from '../../src/base/log.ts';
import { volumeTarget } from '../../src/messaging/addressing.ts';
import { type Bus, openBus } from '../../src/messaging/bus.ts';
import { adminContext } from '../../src/objects/context.ts';
import { serviceHost } from '../../src/objects/host.ts';
import { startPeer } from '../support/cinder.ts';
import { program, type Section, sectionsText } from '../support/daemon.ts';
import { rabbitPresets, rpcPresets } from '../support/messaging.ts';
import type { CinderBase } from '../support/whole-cinder.ts';
import { treeOf } from './tree.ts';

/** Whose daemon it is: both read the same file and keep volumes on the same NFS shares. */
export type Side = 'cinder-volume' | 'volume-daemon';

export const sides: readonly Side[] = ['cinder-volume', 'volume-daemon'];

const commands: Readonly<Record<Side, readonly [string, ...string[]]>> = {
  'cinder-volume': ['/usr/bin/cinder-volume'],
  'volume-daemon': [process.execPath, program],
};

export const host = 'labhost';

/** The shares of the benchmark: bind mounts where the drivers would mount them. */
export class Shares {
  readonly #folder: string;
  readonly #mounted: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  section(name: string): Section {
    const share = `127.0.0.1:/bench/${name}`;
    const point = join(this.#folder, 'mnt', name, createHash('md5').update(share).digest('hex'));
    if (!this.#mounted.includes(point)) {
      const data = join(this.#folder, 'export', name);
      for (const path of [data, point]) mkdirSync(path, { recursive: true });
      writeFileSync(join(this.#folder, `shares-${name}`), `${share}\n`);
      execFileSync('mount', ['--bind', data, point]);
      this.#mounted.push(point);
    }
    return {
      volume_driver: 'cinder.volume.drivers.nfs.NfsDriver',
      volume_backend_name: name,
      nfs_shares_config: join(this.#folder, `shares-${name}`),
      nfs_mount_point_base: join(this.#folder, 'mnt', name),
      nfs_snapshot_support: true,
      nas_secure_file_operations: false,
      nas_secure_file_permissions: false,
      nfs_sparsed_volumes: true,
    };
  }

  unmount(): void {
    for (const point of this.#mounted.splice(0)) execFileSync('umount', [point]);
  }
}

/** A running daemon of one side. */
export interface Running {
  readonly pid: number;
  readonly backends: readonly string[];
  stop(): Promise<void>;
  signal(name: NodeJS.Signals): void;
}

/** Starts a daemon with so many backends; the caller waits for what it wants to see. */
export function startSide(side: Side, count: number, base: CinderBase, shares: Shares): Running {
  const backends = Array.from({ length: count }, (_, at) => `nfs${at + 1}`);
  const conf = join(base.folder, `${side}.conf`);
  const text = sectionsText({
    DEFAULT: {
      host,
      my_ip: '127.0.0.1',
      state_path: join(base.folder, 'state'),
      transport_url: base.transportUrl,
      enabled_backends: backends.join(','),
      use_stderr: true,
    },
    database: { connection: base.databaseUrl },
    oslo_concurrency: { lock_path: join(base.folder, 'lock') },
    oslo_messaging_notifications: { driver: 'noop' },
    ...Object.fromEntries(backends.map((name) => [name, shares.section(name)])),
    volume_daemon: { admin_socket: join(base.folder, 'admin.sock') },
  });
  for (const name of ['state', 'lock']) mkdirSync(join(base.folder, name), { recursive: true });
  writeFileSync(conf, text);
  const [file, ...words] = commands[side];
  const peer = startPeer(file, [...words, '--config-file', conf], join(base.folder, `${side}.log`));
  return { ...peer, backends };
}

/** A client of the services on the broker. */
export class Caller {
  readonly bus: Bus;

  constructor(transport_url: string) {
    this.bus = openBus({
      rpc: { ...rpcPresets, transport_url },
      rabbit: rabbitPresets,
      embedded: undefined,
      program: 'bench',
      instance: 'bench',
      logs: () => silent,
    });
  }

  call(backend: string, method: string, args: Readonly<Record<string, unknown>>, timeout = 60): Promise<unknown> {
    const request = { context: adminContext(), method, args, version: '3.0' };
    const signal = AbortSignal.timeout(timeout * 1000);
    return this.bus.client.call(this.#target(backend), request, { timeout, mandatory: true }, signal);
  }

  cast(backend: string, method: string, args: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.bus.client.cast(this.#target(backend), { context: adminContext(), method, args, version: '3.0' });
  }

  /** Asks until somebody answers. */
  async answers(backend: string): Promise<void> {
    const deadline = performance.now() + 300_000;
    while (performance.now() < deadline) {
      const answered = await this.call(backend, 'get_capabilities', { discover: false }).then(
        () => true,
        () => false,
      );
      if (answered) return;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    throw new Error(`${backend} does not answer`);
  }

  #target(backend: string) {
    return volumeTarget(serviceHost(host, backend));
  }
}

/** The process that serves a backend: of the processes below the supervisor, the one with that place in the order. */
export function workerOf(running: Running, at = 0): number {
  const [supervisor, ...others] = treeOf(running.pid);
  const workers = others.filter((pid) => pid !== supervisor).sort((a, b) => a - b);
  const pid = workers[at];
  if (pid === undefined) throw new Error('there is no worker');
  return pid;
}
