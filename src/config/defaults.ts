import { availableParallelism, hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import type { Defaults } from './sources.ts';

/**
 * Defaults that depend on the machine: its name, its first address, its processors. They are taken once, by the
 * supervisor, and travel with the sources, so that a worker never sees another name than its neighbours.
 */
export function machineDefaults(): Defaults {
  const host = hostname();
  const threads = { thread_pool_size: availableParallelism() };
  return {
    DEFAULT: { host, my_ip: firstAddress() },
    oslo_messaging_rabbit: { hostname: host, processname: 'cinder-volume' },
    privsep_osbrick: threads,
    privsep_entrypoint: threads,
    cinder_sys_admin: threads,
  };
}

/** What `--embedded` changes; files, environment and command line still win, option by option (L-035). */
export function embeddedDefaults(cwd: string): Defaults {
  // A folder's name may have a dollar, which is no reference.
  const state_path = resolve(cwd, 'var').replaceAll('$', '$$$$');
  return {
    DEFAULT: { transport_url: 'embedded://', enabled_backends: ['file'], state_path },
    file: { volume_driver: 'file' },
    volume_daemon: { admin_socket: '$state_path/volume-daemon.sock' },
  };
}

/** Both sets; where they name the same option the second wins. */
export function joinDefaults(first: Defaults, second: Defaults): Defaults {
  const groups = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries([...groups].map((group) => [group, { ...first[group], ...second[group] }]));
}

function firstAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
