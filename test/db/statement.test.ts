import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroupCommit } from '../../src/db/group-commit.ts';
import { SqliteFile } from '../../src/db/sqlite.ts';
import { statement } from '../../src/db/statement.ts';
import { openTestFile } from '../support/database.ts';

test('a statement is built once for each length of its lists, and takes other values every time [ecosystem 1.3]', async (t) => {
  const { db, path } = await openTestFile(t);
  const type = await db.volumeTypes.default();
  const queue = new GroupCommit(new SqliteFile(path, false), 1000);
  t.after(() => queue.close());
  let built = 0;
  const types = statement((database, { ids, isDeleted }: { ids: readonly string[]; isDeleted: boolean }) => {
    built++;
    return database.selectFrom('volume_types').select('id').where('deleted', '=', isDeleted).where('id', 'in', ids);
  });
  const find = async (ids: readonly string[], isDeleted = false): Promise<number> =>
    (await queue.read((database) => types(database, { ids, isDeleted }))).rows.length;

  const found = [
    await find([type.id]),
    await find(['other']),
    await find([type.id], true),
    await find(['other', type.id]),
    await find([type.id, 'other']),
  ];
  assert.deepEqual(found, [1, 0, 0, 1, 1]);
  assert.equal(built, 2);

  const many = [...Array.from({ length: 20 }, (_, n) => String(n)), type.id];
  assert.deepEqual([await find(many), await find(many)], [1, 1]);
  assert.equal(built, 4);
});
