import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RpcTarget } from '../../src/interface/rpc.ts';
import { destinationOf } from '../../src/messaging/addressing.ts';
import { backupClient } from '../../src/messaging/backup-client.ts';
import type { CastTerms, OwnRequest } from '../../src/messaging/client.ts';
import type { Published } from '../../src/messaging/publisher.ts';
import { adminContext } from '../../src/objects/context.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';

const backup = { id: 'b', volume_id: 'v', host: 'bak1' };

function recording(version: string | undefined, published: Published = { outcome: 'accepted' }) {
  const sent: { target: RpcTarget; request: OwnRequest; terms: CastTerms | undefined }[] = [];
  const client = {
    async cast(target: RpcTarget, request: OwnRequest, terms?: CastTerms): Promise<Published> {
      sent.push({ target, request, terms });
      return published;
    },
  };
  return { sent, service: backupClient(client, { rpc: async () => version }) };
}

test('continue_backup names the one device that there is, to the backup’s own host [rpc 5.2, rpc 6.4]', async () => {
  const { sent, service } = recording('2.3');
  const volume = aVolume();

  await service.continueBackup(adminContext(), backup, { volume }, false);
  await service.continueBackup(adminContext(), backup, { snapshot: aSnapshot(volume), of: volume }, true);

  const [ofVolume, ofSnapshot] = sent.map(({ request }) => request.args['backup_device'] as Record<string, never>);
  assert.deepEqual(destinationOf(sent[0]?.target ?? { topic: '' }, 'openstack').key, 'cinder-backup.bak1');
  assert.deepEqual([sent[0]?.request.method, sent[0]?.request.version], ['continue_backup', '2.0']);
  assert.deepEqual(Object.keys(ofVolume?.['versioned_object.data'] ?? {}), ['volume', 'secure_enabled']);
  assert.deepEqual(ofVolume?.['versioned_object.changes'], ['volume', 'secure_enabled']);
  assert.deepEqual(Object.keys(ofSnapshot?.['versioned_object.data'] ?? {}), ['snapshot', 'secure_enabled']);
});

test('restore_backup says that the volume is new to those who know the word [rpc 5.2]', async () => {
  const asked: unknown[] = [];
  for (const version of ['2.3', '2.4', undefined]) {
    const { sent, service } = recording(version);
    await service.restoreBackup(adminContext(), backup as never, 'new');
    asked.push(Object.keys(sent[0]?.request.args ?? {}));
  }

  assert.deepEqual(asked, [
    ['backup', 'volume_id'],
    ['backup', 'volume_id', 'volume_is_new'],
    ['backup', 'volume_id'],
  ]);
});

test('what the broker does not take is a failure of the operation [R-20]', async () => {
  const { service } = recording('2.3', { outcome: 'unsent', reason: 'no connection' } as Published);

  await assert.rejects(service.continueBackup(adminContext(), backup, { volume: aVolume() }, false), /no connection/);
  await assert.rejects(recording('2.3').service.restoreBackup(adminContext(), { ...backup, host: null } as never, 'v'));
});
