import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Database } from '../../../src/interface/database.ts';
import { OverQuota, QuotaResourceUnknown } from '../../../src/objects/exceptions.ts';
import { aNewSnapshot, aNewVolume } from '../../support/database.ts';
import type { DatabaseBench } from '../../support/database-bench.ts';

export function quotaTableSuite(bench: DatabaseBench): void {
  const project = 'project';

  /** A project with two volumes of 3 GiB and a snapshot of one of them, and what its usage rows say. */
  async function aProject(t: TestContext, options: Parameters<typeof bench.open>[1] = {}) {
    const { db, execute, rows } = await bench.open(t, options);
    const volumes = [aNewVolume({ size: 3 }), aNewVolume({ size: 3 })] as const;
    for (const volume of volumes) await db.volumes.create(volume);
    await db.snapshots.create(aNewSnapshot(volumes[0]));
    const usage = async (resource: string): Promise<unknown> =>
      (await rows(`select in_use, reserved from quota_usages where resource = '${resource}' and deleted = 0`))[0];
    return { db, execute, rows, volumes, usage };
  }

  test('the first reservation counts what is there; the increase is reserved until it is committed [database 7.3, 7.4]', async (t) => {
    const { db, rows, usage } = await aProject(t);

    const uuids = await db.quotas.reserve({ volumes: 1, gigabytes: 5 }, project);

    assert.equal(uuids.length, 2);
    assert.deepEqual(await usage('volumes'), { in_use: 2, reserved: 1 });
    assert.deepEqual(await usage('gigabytes'), { in_use: 9, reserved: 5 });
    const [row] = await rows('select * from reservations order by id');
    assert.deepEqual(
      [
        row?.['uuid'],
        row?.['usage_id'],
        row?.['project_id'],
        row?.['resource'],
        row?.['delta'],
        row?.['deleted'],
        row?.['allocated_id'],
      ],
      [uuids[0], 1, project, 'volumes', 1, 0, null],
    );
    assert.equal(Math.round((Date.parse(`${row?.['expire']}Z`) - Date.parse(`${row?.['created_at']}Z`)) / 1000), 86400);
    assert.deepEqual(await rows('select race_preventer, until_refresh, project_id from quota_usages limit 1'), [
      { race_preventer: 1, until_refresh: null, project_id: project },
    ]);

    await db.quotas.commit(uuids, project);

    assert.deepEqual(await usage('volumes'), { in_use: 3, reserved: 0 });
    assert.deepEqual(await usage('gigabytes'), { in_use: 14, reserved: 0 });
    const ended = await rows('select deleted, deleted_at = updated_at as moved from reservations');
    assert.deepEqual(ended, [
      { deleted: 1, moved: 1 },
      { deleted: 1, moved: 1 },
    ]);
    await db.quotas.commit(uuids, project);
    await db.quotas.rollback([...uuids, 'unknown'], project);
    assert.deepEqual(await usage('gigabytes'), { in_use: 14, reserved: 0 });
  });

  test('a rollback takes the reservation back [database 7.5]', async (t) => {
    const { db, usage } = await aProject(t);

    const uuids = await db.quotas.reserve({ gigabytes: 5 }, project);
    await db.quotas.rollback(uuids, project);

    assert.deepEqual(await usage('gigabytes'), { in_use: 9, reserved: 0 });
  });

  test('what a delete sets free is not reserved, and usage never goes below zero [database 7.3, 7.4]', async (t) => {
    const { db, execute, usage } = await aProject(t, { quota_volumes: 0 });
    const uuids = await db.quotas.reserve({ volumes: -1, gigabytes: -3 }, project);
    assert.deepEqual(await usage('volumes'), { in_use: 2, reserved: 0 });
    await execute("update quota_usages set in_use = 2 where resource = 'gigabytes'");

    await db.quotas.commit(uuids, project);

    assert.deepEqual(await usage('volumes'), { in_use: 1, reserved: 0 });
    assert.deepEqual(await usage('gigabytes'), { in_use: 0, reserved: 0 });
  });

  test('over the limit nothing is reserved, and everything that is over is named [database 7.3]', async (t) => {
    const { db, execute, rows, usage } = await aProject(t, { quota_gigabytes: 10, quota_volumes: 2 });
    await execute('delete from quota_classes');

    const reserving = db.quotas.reserve({ volumes: 1, gigabytes: 2, snapshots: 1 }, project);

    await assert.rejects(reserving, (error) => {
      assert.ok(error instanceof OverQuota);
      assert.equal(error.message, "Quota exceeded for resources: ['gigabytes', 'volumes']");
      assert.deepEqual(error.overs, ['gigabytes', 'volumes']);
      assert.deepEqual(error.quotas, { volumes: 2, gigabytes: 10, snapshots: 10 });
      assert.equal(error.usages['gigabytes']?.in_use, 9);
      return true;
    });
    assert.deepEqual(await rows('select id from reservations'), []);
    assert.deepEqual(await usage('gigabytes'), { in_use: 9, reserved: 0 });
    await db.quotas.reserve({ gigabytes: 1 }, project);
    await assert.rejects(db.quotas.reserve({ gigabytes: 1 }, project), OverQuota);
  });

  test("the limit is the project's, else of its quota class, else of the class default, else the option; -1 is none [database 7.2]", async (t) => {
    const { db, execute, again } = await bench.open(t, { quota_volumes: 4 });
    const fits = async (delta: number, quotaClass?: string): Promise<boolean> => {
      try {
        await db.quotas.rollback(await db.quotas.reserve({ volumes: delta }, project, quotaClass), project);
        return true;
      } catch (error) {
        assert.ok(error instanceof OverQuota);
        return false;
      }
    };
    const holds = async (limit: number, quotaClass?: string): Promise<void> => {
      assert.deepEqual([await fits(limit, quotaClass), await fits(limit + 1, quotaClass)], [true, false]);
    };

    await holds(4);
    await execute("update quota_classes set hard_limit = 5 where resource = 'volumes'");
    await holds(5);
    await execute(
      "insert into quota_classes (class_name, resource, hard_limit, deleted) values ('gold', 'volumes', 6, 0)",
    );
    await holds(5);
    await holds(6, 'gold');
    await execute(
      `insert into quotas (project_id, resource, hard_limit, deleted) values ('${project}', 'volumes', 7, 0), ('other', 'volumes', 1, 0)`,
    );
    await holds(7, 'gold');
    await execute(`update quotas set hard_limit = -1 where project_id = '${project}'`);
    assert.equal(await fits(1_000_000), true);
    const plain = await again({ use_default_quota_class: false, quota_volumes: 3 });
    await execute('update quotas set deleted = 1');
    await plain.quotas.reserve({ volumes: 3 }, project);
    await assert.rejects(plain.quotas.reserve({ volumes: 1 }, project), OverQuota);
  });

  test('resources of a type count what is of it, also when the type was deleted [database 7.1, 7.3]', async (t) => {
    const { db, execute, usage } = await aProject(t);
    await execute(
      "insert into volume_types (id, name, deleted) values ('gold-id', 'gold', 0), ('old-id', 'old_one', 1)",
    );
    const gold = aNewVolume({ size: 7, volume_type_id: 'gold-id' });
    await db.volumes.create(gold);
    await db.volumes.create(aNewVolume({ size: 9, volume_type_id: 'old-id' }));
    await db.snapshots.create(aNewSnapshot(gold));

    await db.quotas.reserve({ volumes_gold: 1, gigabytes_gold: 1, snapshots_gold: 1, gigabytes_old_one: -9 }, project);

    assert.deepEqual(await usage('volumes_gold'), { in_use: 1, reserved: 1 });
    assert.deepEqual(await usage('gigabytes_gold'), { in_use: 14, reserved: 1 });
    assert.deepEqual(await usage('snapshots_gold'), { in_use: 1, reserved: 1 });
    assert.deepEqual(await usage('gigabytes_old_one'), { in_use: 9, reserved: 0 });
  });

  test('a resource that nobody knows is refused, and nothing is reserved [database 7.1]', async (t) => {
    const { db, rows } = await aProject(t);

    for (const name of ['horses', 'backups_gold', 'volumes_nosuch', 'constructor']) {
      await assert.rejects(db.quotas.reserve({ volumes: 1, [name]: 1 }, project), QuotaResourceUnknown, name);
    }

    assert.deepEqual(await rows('select id from reservations'), []);
    assert.deepEqual(await rows('select id from quota_usages'), []);
  });

  test('temporary volumes, migration targets, other projects and deleted rows do not count [database 7.3]', async (t) => {
    const { db, execute, usage } = await aProject(t);
    const uncounted = [
      { use_quota: false },
      { migration_status: 'target:x' },
      { admin_metadata: { temporary: 'True' } },
      { project_id: 'other' },
    ];
    for (const fields of uncounted) await db.volumes.create(aNewVolume({ size: 100, ...fields }));
    const deleted = aNewVolume({ size: 100 });
    await db.volumes.create(deleted);
    await db.volumes.destroy(deleted.id);
    const old = aNewVolume({ size: 1, migration_status: 'success', admin_metadata: { temporary: 'False' } });
    await db.volumes.create(old);
    await db.snapshots.create(aNewSnapshot(old, { use_quota: false }));
    await execute(`update volumes set use_quota = null where id = '${old.id}'`);

    await db.quotas.reserve({ volumes: 0, gigabytes: 0, snapshots: 0 }, project);

    assert.deepEqual(await usage('volumes'), { in_use: 3, reserved: 0 });
    assert.deepEqual(await usage('gigabytes'), { in_use: 10, reserved: 0 });
    assert.deepEqual(await usage('snapshots'), { in_use: 1, reserved: 0 });
  });

  test('snapshots stay out of the gigabytes with no_snapshot_gb_quota; backups and groups are counted [database 7.3]', async (t) => {
    const { db, execute, usage } = await aProject(t, { no_snapshot_gb_quota: true });
    await execute(
      `insert into backups (id, volume_id, project_id, size, deleted) values ('a', 'v', '${project}', 4, 0), ('b', 'v', '${project}', 5, 1)`,
    );
    await execute(`insert into groups (id, project_id, deleted) values ('g', '${project}', 0)`);

    await db.quotas.reserve({ gigabytes: 0, backups: 0, backup_gigabytes: 0, groups: -1 }, project);

    assert.deepEqual(await usage('gigabytes'), { in_use: 6, reserved: 0 });
    assert.deepEqual(await usage('backups'), { in_use: 1, reserved: 0 });
    assert.deepEqual(await usage('backup_gigabytes'), { in_use: 4, reserved: 0 });
    assert.deepEqual(await usage('groups'), { in_use: 1, reserved: 0 });
  });

  /** `until_refresh` of the option and of the row, `in_use` of the row: what both are after one reservation of nothing. */
  const refreshes: readonly (readonly [
    number,
    number | null,
    number,
    { until_refresh: number | null; in_use: number },
  ])[] = [
    [0, null, 50, { until_refresh: null, in_use: 50 }],
    [0, null, -1, { until_refresh: null, in_use: 2 }],
    [3, null, 50, { until_refresh: 3, in_use: 50 }],
    [3, 2, 50, { until_refresh: 1, in_use: 50 }],
    [3, 1, 50, { until_refresh: 3, in_use: 2 }],
    [3, 9, 50, { until_refresh: 3, in_use: 50 }],
    [0, 9, 50, { until_refresh: null, in_use: 50 }],
  ];

  for (const [until_refresh, left, in_use, then] of refreshes) {
    test(`usage ${in_use} with until_refresh ${left}, option ${until_refresh}: ${JSON.stringify(then)} [database 7.3]`, async (t) => {
      const { db, execute, rows } = await aProject(t, { until_refresh });
      await db.quotas.reserve({ volumes: -1 }, project);
      await execute(`update quota_usages set in_use = ${in_use}, until_refresh = ${left}`);

      await db.quotas.reserve({ volumes: -1 }, project);

      assert.deepEqual(await rows('select until_refresh, in_use from quota_usages'), [then]);
    });
  }

  test('usage that is older than max_age is counted anew, also when the reservation is refused [database 7.3]', async (t) => {
    const { db, execute, usage } = await aProject(t, { max_age: 60 });
    await db.quotas.reserve({ volumes: -1 }, project);
    await execute("update quota_usages set in_use = 50, updated_at = '2020-01-01 00:00:00.000000'");

    await assert.rejects(db.quotas.reserve({ volumes: 20 }, project), OverQuota);

    assert.deepEqual(await usage('volumes'), { in_use: 2, reserved: 0 });
  });

  test('reservations of many at once never pass the limit [database 7.3]', async (t) => {
    const { db, again } = await bench.open(t, { quota_volumes: 10 });
    const other = await again();
    const reserve = (from: Database): Promise<boolean> =>
      from.quotas.reserve({ volumes: 1 }, project).then(
        () => true,
        (error) => {
          assert.ok(error instanceof OverQuota);
          return false;
        },
      );

    const results = await Promise.all(Array.from({ length: 24 }, (_, i) => reserve(i % 2 === 0 ? db : other)));

    assert.equal(results.filter(Boolean).length, 10);
  });
}
