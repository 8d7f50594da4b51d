import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function migrationSuite(bench: DatabaseBench): void {
  test('at the end of a migration the two rows change places, but for what names them [manager 9.3, database 4]', async (t) => {
    const { db, execute } = await bench.open(t);
    await execute(`insert into volume_types (id, name, deleted) values ('gold', 'gold', 0)`);
    const volume = aNewVolume({
      host: 'node@old#p',
      status: 'retyping',
      migration_status: 'completing',
      provider_location: 'old place',
      provider_id: 'old id',
      provider_auth: 'CHAP old',
      display_name: 'mine',
      display_description: 'my words',
      previous_status: 'available',
      metadata: { mine: 'yes' },
      admin_metadata: { readonly: 'True' },
    });
    const destination = aNewVolume({
      host: 'node@new#p',
      status: 'available',
      migration_status: `target:${volume.id}`,
      provider_location: 'new place',
      provider_id: 'new id',
      provider_auth: 'CHAP new',
      display_name: 'mine',
      display_description: 'my words',
      volume_type_id: 'gold',
      use_quota: false,
      metadata: { mine: 'yes', copied: 'too' },
    });
    await db.volumes.create(volume);
    await bench.nextMoment();
    await db.volumes.create(destination);
    const before = await db.volumes.get(destination.id);

    assert.equal(await db.volumes.finishMigration(volume.id, destination.id), true);

    const [moved, rest] = [await db.volumes.get(volume.id), await db.volumes.get(destination.id)];
    const said = (row: typeof moved): unknown[] => [
      row?.host,
      row?.status,
      row?.migration_status,
      row?.provider_location,
      row?.provider_id,
      row?.provider_auth,
      row?.display_description,
      row?.volume_type_id === 'gold',
      row?.use_quota,
      row?._name_id,
      row?.previous_status,
      row?.metadata,
      row?.admin_metadata,
    ];
    assert.deepEqual(said(moved), [
      ...['node@new#p', 'available', null, 'old place', 'new id', 'CHAP new', 'my words'],
      ...[true, true, null, null],
      { mine: 'yes', copied: 'too' },
      {},
    ]);
    assert.deepEqual(said(rest), [
      ...['node@old#p', 'deleting', 'deleting', 'new place', 'old id', 'CHAP old', `migration src for ${volume.id}`],
      ...[true, false, volume.id, 'available'],
      { mine: 'yes' },
      { readonly: 'True' },
    ]);
    assert.equal(moved?.created_at, before?.created_at);
    assert.equal(moved?.updated_at, null);
    assert.notEqual(rest?.created_at, before?.created_at);
  });

  test('a name that the destination had already stays, and a row that is gone changes nothing [manager 9.3]', async (t) => {
    const { db } = await bench.open(t);
    const volume = aNewVolume();
    const destination = aNewVolume({ _name_id: 'another', host: 'node@new#p' });
    await db.volumes.create(volume);
    assert.equal(await db.volumes.finishMigration(volume.id, destination.id), false);
    assert.equal((await db.volumes.get(volume.id))?.host, volume.host);
    await db.volumes.create(destination);

    assert.equal(await db.volumes.finishMigration(volume.id, destination.id), true);

    assert.equal((await db.volumes.get(destination.id))?._name_id, 'another');
    assert.equal((await db.volumes.get(volume.id))?._name_id, null);
  });

  test('the attachments of the destination become those of the volume [manager 9.3]', async (t) => {
    const { db } = await bench.open(t);
    const [volume, destination] = [aNewVolume(), aNewVolume()];
    await db.volumes.create(volume);
    await db.volumes.create(destination);
    await db.attachments.create({ id: 'a', volume_id: destination.id, attach_status: 'attached' });
    await db.attachments.create({ id: 'gone', volume_id: destination.id, attach_status: 'attached' });
    await db.attachments.destroy('gone');

    await db.attachments.move(destination.id, volume.id);

    assert.deepEqual(
      (await db.attachments.ofVolume(volume.id)).map(({ id }) => id),
      ['a'],
    );
    assert.deepEqual(await db.attachments.ofVolume(destination.id), []);
  });
}
