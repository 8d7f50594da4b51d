import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { workerTableSuite } from '../conformance/database/workers.ts';
import { aNewService } from '../support/database.ts';
import { sqliteBench } from '../support/database-bench.ts';

workerTableSuite(sqliteBench);

test('a claim is not mistaken for the next row that SQLite gives its id to [database 5.4]', async (t) => {
  const { db } = await sqliteBench.open(t);
  const mine = await db.services.register(aNewService());
  const old = await db.workers.insert({ type: 'Volume', id: randomUUID() }, 'creating', mine.id);
  assert.ok(old);
  await db.workers.release(old, mine.id);
  const fresh = await db.workers.insert({ type: 'Volume', id: randomUUID() }, 'creating', mine.id);
  assert.equal(fresh?.id, old.id);

  assert.deepEqual(await db.workers.renew([old], mine.id), new Set());
  assert.equal(await db.workers.setStatus(old, 'deleting', mine.id), false);
  assert.equal(await db.workers.release(old, mine.id), false);
  assert.deepEqual(await db.workers.renew([fresh], mine.id), new Set([fresh.id]));
});
