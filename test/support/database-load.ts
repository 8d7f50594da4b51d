import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, DatabaseError } from '../../src/interface/database.ts';
import { aNewVolume } from './database.ts';
import { eventually } from './eventually.ts';

export interface Load {
  /** Waits until so many more writes have been acknowledged. */
  progress(writes: number): Promise<void>;
  /** Ends the writing and holds the tables against what was acknowledged. */
  finish(): Promise<void>;
}

/**
 * Eight writers, each counting up in a volume of its own and, in the same transaction, in that volume's `workers` row. What
 * a database that is away could not do is tried again, as operations do (rpc.md R-07).
 */
export async function load(t: TestContext, db: Database): Promise<Load> {
  const writers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const volume = aNewVolume({ size: 0 });
      await db.volumes.create(volume);
      return { volume, acknowledged: 0 };
    }),
  );
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  const running = writers.map(async (writer) => {
    const { id } = writer.volume;
    while (!isOver) {
      const next = writer.acknowledged + 1;
      try {
        await db.transaction(async (tx) => {
          await tx.volumes.update(id, { size: next });
          await tx.workers.handOver({ type: 'Volume', id }, `count-${next}`);
        });
        writer.acknowledged = next;
      } catch (error) {
        assert.ok(error instanceof DatabaseError && error.kind === 'away', String(error));
        await sleep(200);
      }
    }
  });
  const all = Promise.all(running);
  all.catch(() => {});
  const sum = (): number => writers.reduce((total, { acknowledged }) => total + acknowledged, 0);
  return {
    async progress(writes) {
      const goal = sum() + writes;
      await Promise.race([all, eventually(`${writes} more writes`, () => sum() >= goal, 60_000)]);
    },
    async finish() {
      isOver = true;
      await all;
      for (const { volume, acknowledged } of writers) {
        const size = (await db.volumes.get(volume.id))?.size ?? -1;
        const row = await db.workers.find({ type: 'Volume', id: volume.id });
        // A commit whose answer was lost may have happened: one more than was acknowledged, never less.
        assert.ok(size === acknowledged || size === acknowledged + 1, `${size} for ${acknowledged}`);
        assert.equal(row?.status, `count-${size}`);
      }
    },
  };
}
