import assert from 'node:assert/strict';
import { test } from 'node:test';
import { volumeTableSuite } from '../conformance/database/volumes.ts';
import { aNewVolume } from '../support/database.ts';
import { sqliteBench } from '../support/database-bench.ts';

volumeTableSuite(sqliteBench);

test('a time that is no time is an error that names its column [database 1.1]', async (t) => {
  const { db, execute } = await sqliteBench.open(t);
  const volume = aNewVolume();
  await db.volumes.create(volume);
  await execute(`update volumes set launched_at = 'yesterday'`);

  await assert.rejects(db.volumes.get(volume.id), /launched_at.*yesterday/);
});
