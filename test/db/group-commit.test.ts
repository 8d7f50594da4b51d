import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import fc from 'fast-check';
import { sql } from 'kysely';
import { logContext, withLogContext } from '../../src/base/log.ts';
import type { Work } from '../../src/db/access.ts';
import { GroupCommit } from '../../src/db/group-commit.ts';
import { SqliteFile } from '../../src/db/sqlite.ts';
import { DatabaseError } from '../../src/interface/database.ts';
import { rowsOf } from '../support/database.ts';
import { aFolder } from '../support/folder.ts';
import { aProgram } from '../support/program.ts';

/** A file with one table of numbers, and how often it was committed. */
function aQueue(t: Pick<TestContext, 'after'>, idleLimit?: number) {
  const path = join(aFolder(t), 'numbers.sqlite');
  const file = new SqliteFile(path, true);
  file.exec('create table numbers (n integer primary key, owner integer not null)');
  let commits = 0;
  let tries = 0;
  const counted = new Proxy(file, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === 'exec' && args[0] === 'commit') commits++;
        if (name === 'begin') tries++;
        return value.apply(target, args);
      };
    },
  });
  const queue = new GroupCommit(counted, 5000, idleLimit === undefined ? {} : { idleLimit });
  t.after(() => queue.close());
  const numbers = (): number[] => rowsOf(path, 'select n from numbers order by n').map(({ n }) => Number(n));
  return { queue, path, numbers, commits: () => commits, tries: () => tries };
}

function add(n: number, owner = 0): Work<unknown> {
  return (db) => sql`insert into numbers values (${n}, ${owner})`.execute(db);
}

async function count(db: Parameters<Work<unknown>>[0]): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from numbers`.execute(db);
  return rows[0]?.n ?? -1;
}

test('writers that are ready in one turn share a commit, and each is on the disk when its promise resolves [database 1.5]', async (t) => {
  const { queue, numbers, commits } = aQueue(t);

  const present = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      await queue.write(add(n));
      return numbers().includes(n);
    }),
  );

  assert.deepEqual(present, Array(50).fill(true));
  assert.ok(commits() <= 10, `${commits()} commits`);
});

test('a file that stays locked is tried ever more rarely, so that many who wait leave room for who has it [database 1.5]', async (t) => {
  const { queue, path, tries } = aQueue(t);
  const holder = new DatabaseSync(path);
  t.after(() => holder.close());
  holder.exec('begin immediate');

  const writing = queue.write(add(1));
  await sleep(2_000);
  const made = tries();
  holder.exec('rollback');
  await writing;

  assert.ok(made >= 5 && made <= 150, `${made} tries in 2 s`);
});

test('a writer that fails is undone alone, with its own error [database 1.5]', async (t) => {
  const { queue, numbers } = aQueue(t);
  const oops = new Error('oops');

  const results = await Promise.allSettled([
    queue.write(add(1)),
    queue.write(async (db) => {
      await add(2)(db);
      throw oops;
    }),
    queue.write(add(1)),
    queue.write(add(3)),
  ]);

  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.equal((results[1] as PromiseRejectedResult).reason, oops);
  assert.match(String((results[2] as PromiseRejectedResult).reason), /one with this key exists/);
  assert.deepEqual(numbers(), [1, 3]);
});

test('a statement that failed cannot be caught away: its transaction does not count [database 1.5]', async (t) => {
  const { queue, numbers } = aQueue(t);
  await queue.write(add(1));

  const writing = queue.write(async (db) => {
    await add(2)(db);
    await add(1)(db).catch(() => undefined);
    return 'well';
  });

  await assert.rejects(writing, DatabaseError);
  assert.deepEqual(numbers(), [1]);
});

test('a reader sees committed states only, and one state in all its statements [database 1.5]', async (t) => {
  const { queue } = aQueue(t);
  const seen: number[][] = [];
  const look = (): Promise<unknown> =>
    queue.read(async (db) => {
      const first = await count(db);
      await Promise.resolve();
      seen.push([first, await count(db)]);
    });
  const looks: Promise<unknown>[] = [];

  await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      queue.write(async (db) => {
        await add(2 * n)(db);
        looks.push(look());
        await add(2 * n + 1)(db);
        if (n % 3 === 0) throw new Error('undone');
      }),
    ).map((promise) => promise.catch(() => undefined)),
  );
  await Promise.all(looks);

  assert.equal(seen.length, 50);
  for (const [first, second] of seen) {
    assert.equal(first, second);
    assert.equal(Number(first) % 2, 0);
  }
});

test('what is logged in a transaction bears the request id of whoever asked for it [database 1.5, G-023]', async (t) => {
  const { queue } = aQueue(t);
  const seen: (string | undefined)[] = [];

  await Promise.all(
    ['req-1', 'req-2', 'req-3'].map((request_id, n) =>
      withLogContext({ request_id }, () =>
        queue.write(async (db) => {
          await add(n)(db);
          seen.push(logContext()?.request_id);
        }),
      ),
    ),
  );

  assert.deepEqual(seen, ['req-1', 'req-2', 'req-3']);
});

test('what a reader writes does not stay [database 1.5]', async (t) => {
  const { queue, numbers } = aQueue(t);

  await queue.read(add(1));

  assert.deepEqual(numbers(), []);
});

test('a statement that nobody waited for cannot write into the transaction of another [database 1.5]', async (t) => {
  const { queue, numbers } = aQueue(t);
  let stray: Promise<unknown> | undefined;

  await Promise.all([
    queue.write(async (db) => {
      await add(1)(db);
      stray = Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => add(2)(db));
      stray.catch(() => undefined);
    }),
    queue.write(add(3)),
  ]);

  await assert.rejects(stray ?? Promise.resolve(), /after the end of its transaction/);
  assert.deepEqual(numbers(), [1, 3]);
});

test('a transaction that waits for something else than its statements is ended, and the others go on [database 1.5]', async (t) => {
  const { queue, numbers } = aQueue(t, 20);

  const results = await Promise.allSettled([
    queue.write(add(1)),
    queue.write(async (db) => {
      await add(2)(db);
      await queue.read(count);
    }),
    queue.write(add(3)),
  ]);

  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.match(String((results[1] as PromiseRejectedResult).reason), /something else than its own statements/);
  assert.deepEqual(numbers(), [1, 3]);
});

test('any interleaving of writers that succeed and fail leaves what succeeded, whole, and nothing else [database 1.5]', async (t) => {
  const step = fc.constantFrom('insert', 'pause', 'turn', 'duplicate', 'throw');
  const writer = fc.record({ start: fc.nat(6), steps: fc.array(step, { maxLength: 6 }) });
  let next = 0;
  const { queue, path } = aQueue(t);

  await fc.assert(
    fc.asyncProperty(fc.array(writer, { minLength: 1, maxLength: 30 }), async (writers) => {
      const base = next;
      next += writers.length;
      const results = await Promise.allSettled(
        writers.map(async ({ start, steps }, place) => {
          for (let turn = 0; turn < start; turn++) await new Promise((resolve) => setImmediate(resolve));
          const owner = base + place;
          await queue.write(async (db) => {
            for (const [index, kind] of steps.entries()) {
              if (kind === 'insert') await add(owner * 10 + index, owner)(db);
              if (kind === 'pause') await Promise.resolve();
              if (kind === 'turn') await new Promise((resolve) => setImmediate(resolve));
              if (kind === 'throw') throw new Error('undone');
              if (kind === 'duplicate') {
                await add(owner * 10 + 9, owner)(db);
                await add(owner * 10 + 9, owner)(db);
              }
            }
          });
        }),
      );

      const rows = rowsOf(path, `select n, owner from numbers where owner >= ${base} order by n`);
      const expected = writers.flatMap(({ steps }, place) => {
        const owner = base + place;
        const fails = steps.includes('throw') || steps.includes('duplicate');
        assert.equal(results[place]?.status, fails ? 'rejected' : 'fulfilled');
        return fails
          ? []
          : steps.flatMap((kind, index) => (kind === 'insert' ? [{ n: owner * 10 + index, owner }] : []));
      });
      assert.deepEqual(rows, expected);
    }),
    { numRuns: 40 },
  );
});

test('nothing that was acknowledged is missing after kill -9, and nothing is there in part [database 1.5]', async (t) => {
  const { queue, path } = aQueue(t);
  await queue.close();
  const code = (round: number): string => `
    const { SqliteFile } = await load('src/db/sqlite.js');
    const { GroupCommit } = await load('src/db/group-commit.js');
    const { sql } = await import('${import.meta.resolve('kysely')}');
    const queue = new GroupCommit(new SqliteFile(${JSON.stringify(path)}, false), 5000);
    let n = ${round} * 1000000;
    const one = async () => {
      for (;;) {
        const mine = n; n += 2;
        await queue.write(async (db) => {
          await sql\`insert into numbers values (\${mine}, \${mine})\`.execute(db);
          if (mine % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
          await sql\`insert into numbers values (\${mine + 1}, \${mine})\`.execute(db);
        });
        say(String(mine));
      }
    };
    await Promise.all(Array.from({ length: 8 }, one));`;
  const acknowledged: number[] = [];

  for (let round = 1; round <= 5; round++) {
    const program = aProgram(t, code(round));
    const enough = 20 + round * 17;
    for (let line = 0; line < enough; line++) acknowledged.push(Number(await program.line()));
    await program.kill();
  }

  const present = new Set(rowsOf(path, 'select n from numbers').map(({ n }) => Number(n)));
  assert.deepEqual(
    acknowledged.filter((n) => !present.has(n) || !present.has(n + 1)),
    [],
  );
  assert.deepEqual(
    [...present].filter((n) => !present.has(n % 2 === 0 ? n + 1 : n - 1)),
    [],
  );
  assert.deepEqual(rowsOf(path, 'pragma integrity_check'), [{ integrity_check: 'ok' }]);
});

test('a writer gets its turn beside a process that never stops writing [database 1.5]', async (t) => {
  const { queue, path, numbers } = aQueue(t);
  const program = aProgram(
    t,
    `
    const { SqliteFile } = await load('src/db/sqlite.js');
    const { GroupCommit } = await load('src/db/group-commit.js');
    const { sql } = await import('${import.meta.resolve('kysely')}');
    const queue = new GroupCommit(new SqliteFile(${JSON.stringify(path)}, false), 5000);
    let n = 1000000;
    const one = async () => { for (;;) { const mine = n++; await queue.write((db) => sql\`insert into numbers values (\${mine}, 1)\`.execute(db)); } };
    setTimeout(() => say('busy'), 50);
    await Promise.all(Array.from({ length: 16 }, one));`,
  );
  assert.equal(await program.line(), 'busy');

  for (let n = 0; n < 15; n++) await queue.write(add(n));

  await program.kill();
  assert.deepEqual(
    numbers().filter((n) => n < 1000),
    Array.from({ length: 15 }, (_, n) => n),
  );
  assert.ok(numbers().length > 15);
});
