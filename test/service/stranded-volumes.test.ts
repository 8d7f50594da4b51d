import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utcNow } from '../../src/base/time.ts';
import { serviceOf } from '../../src/objects/host.ts';
import type { Service } from '../../src/objects/service.ts';
import { warnOfStrandedVolumes } from '../../src/service/stranded-volumes.ts';
import { aLogger } from '../support/recording-logger.ts';

/** Rows of services by host: `rises` says whether somebody reports there, now and then. */
function servicesWith(rises: Readonly<Record<string, boolean>>) {
  const hosts = Object.keys(rises);
  const row = (host: string, report_count: number) =>
    ({ id: hosts.indexOf(host), host, report_count, updated_at: utcNow() }) as Service;
  return {
    find: async (host: string) => (host in rises ? row(host, 7) : undefined),
    get: async (id: number) => row(hosts[id] ?? '', rises[hosts[id] ?? ''] ? 8 : 7),
  };
}

test('volumes that no service of this node can reach are told of, but not those of a cinder-volume beside us [O-22d, issue: neighbours]', async () => {
  const log = aLogger();
  const hosts = ['node1', 'node1@beside', 'node1@gone', 'node1@ours', 'node1@removed', 'node2@lvm'];
  const volumes = { serviceHosts: async () => hosts.map((host, count) => ({ host, count: count + 1 })) };
  const services = servicesWith({ 'node1@beside': true, 'node1@removed': false });
  const parts = { db: { volumes, services }, log, node: 'node1', services: [serviceOf('node1@ours')] };

  await warnOfStrandedVolumes({ ...parts, downTime: 60, watch: 0.5 }, new AbortController().signal);

  const text = (count: number, host: string): string =>
    `WARNING ${count} volumes belong to host ${host}, which is not a service of this node; see cinder-manage volume update_host`;
  assert.deepEqual(log.lines, [text(1, 'node1'), text(3, 'node1@gone'), text(5, 'node1@removed')]);
});

test('a database that does not answer stops nothing [O-22d]', async () => {
  const log = aLogger();
  const volumes = { serviceHosts: () => Promise.reject(new Error('it is away')) };
  const parts = { db: { volumes, services: servicesWith({}) }, log, node: 'node1', services: [] };

  await warnOfStrandedVolumes({ ...parts, downTime: 60, watch: 1 }, new AbortController().signal);

  assert.deepEqual(log.lines, ['DEBUG Volumes that no service can reach were not looked for: it is away']);
});
