import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VolumeTypeDefaultMisconfiguredError } from '../../../src/objects/exceptions.ts';
import { aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function volumeTypeTableSuite(bench: DatabaseBench): void {
  test('a type comes with its live extra specs, a deleted one as well [database 3.6, 7.1]', async (t) => {
    const { db, execute } = await bench.open(t);
    await execute(
      "insert into volume_types (id, name, is_public, qos_specs_id, deleted) values ('g', 'gold', 0, null, 0), ('o', 'old', 1, null, 1)",
    );
    await execute(`insert into volume_type_extra_specs (volume_type_id, "key", value, deleted)
     values ('g', 'volume_backend_name', 'file', 0), ('g', 'empty', null, 0), ('g', 'gone', 'x', 1)`);

    const gold = await db.volumeTypes.get('g');

    assert.deepEqual([gold?.name, gold?.is_public, gold?.deleted], ['gold', false, false]);
    assert.deepEqual(gold?.extra_specs, { volume_backend_name: 'file', empty: null });
    assert.equal((await db.volumeTypes.get('o'))?.name, 'old');
    assert.equal(await db.volumeTypes.get('x'), undefined);
  });

  test('a volume without a type gets the default one; a default that is not there is misconfigured [database 3.1, objects 9]', async (t) => {
    const { db, execute, again } = await bench.open(t);
    const gold = await again({ default_volume_type: 'gold' });
    assert.equal((await db.volumeTypes.default()).name, '__DEFAULT__');

    await assert.rejects(gold.volumeTypes.default(), VolumeTypeDefaultMisconfiguredError);
    await assert.rejects(gold.volumes.create(aNewVolume()), /default volume type gold cannot be found/);
    await execute("insert into volume_types (id, name, deleted) values ('g', 'gold', 0)");

    const volume = aNewVolume();
    await gold.volumes.create(volume);
    assert.equal((await db.volumes.get(volume.id))?.volume_type?.name, 'gold');
  });

  test('QoS specs are a named row and the rows below it, the consumer apart [database 3.6]', async (t) => {
    const { db, execute } = await bench.open(t);
    await execute(`insert into quality_of_service_specs (id, specs_id, "key", value, deleted) values
     ('q', null, 'QoS_Specs_Name', 'fast', 0), ('q1', 'q', 'consumer', 'both', 0), ('q2', 'q', 'total_iops_sec', '500', 0),
     ('q3', 'q', 'gone', '1', 1), ('r', null, 'QoS_Specs_Name', 'other', 0), ('d', null, 'QoS_Specs_Name', 'dead', 1)`);

    const specs = await db.volumeTypes.qosSpecs('q');

    assert.deepEqual(
      [specs?.id, specs?.name, specs?.consumer, specs?.specs],
      ['q', 'fast', 'both', { total_iops_sec: '500' }],
    );
    assert.equal((await db.volumeTypes.qosSpecs('r'))?.consumer, 'back-end');
    assert.equal(await db.volumeTypes.qosSpecs('d'), undefined);
    assert.equal(await db.volumeTypes.qosSpecs('q1'), undefined);
  });
}
