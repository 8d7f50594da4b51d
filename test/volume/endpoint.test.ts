import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { contextFor } from '../../src/objects/context.ts';
import { rpcVersion } from '../../src/objects/service.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { volumeEndpoint } from '../../src/volume/endpoint.ts';
import { levels, testManager } from '../support/manager.ts';

test('what is advertised is what is there: the methods and arguments of every version up to it, and no newer one [rpc 3, R-02]', async () => {
  await using manager = await testManager();
  const table = volumeEndpoint(manager, levels);
  const volume = volumeCodec.encode({ id: randomUUID() });
  const image_snap = snapshotCodec.encode({ id: randomUUID() });
  const newest: Readonly<Record<string, Record<string, unknown>>> = {
    extend_volume_completion: { volume, new_size: 2, reservations: [], error: false },
    reimage: { volume, image_meta: { id: randomUUID() }, image_snap },
  };

  assert.equal(rpcVersion, '3.20');
  for (const [name, args] of Object.entries(newest)) {
    const request = table[name]?.request(contextFor({ user_id: 'u1', project_id: 'p1' }), args);
    assert.ok(request !== undefined, name);
  }
  const minor = (version: string): number => Number(/^3\.(\d+)$/.exec(version)?.[1] ?? Number.NaN);
  for (const [name, { since }] of Object.entries(table)) assert.ok(minor(since) <= minor(rpcVersion), name);
});
