import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCoordinator } from '../../src/coordination/coordinator.ts';
import type { Coordinator, HeldLock } from '../../src/interface/coordinator.ts';
import { eventually } from '../support/eventually.ts';
import { aFolder } from '../support/folder.ts';
import { aCommand, aProgram, type Program } from '../support/program.ts';
import { aLogger } from '../support/recording-logger.ts';

function aCoordinator(t: TestContext, warnAfter = 60_000) {
  const folder = aFolder(t);
  const logger = aLogger();
  return { folder, logger, locks: openCoordinator({ folder, logger, warnAfter }) };
}

/** Another process with a coordinator `locks` on the same folder. */
function aNeighbour(t: TestContext, folder: string, code: string): Program {
  return aProgram(
    t,
    `const { openCoordinator } = await load('src/coordination/coordinator.js');
     const locks = openCoordinator({ folder: ${JSON.stringify(folder)}, logger: { warning() {} } });
     const forever = () => new Promise(() => setInterval(() => {}, 1e6));
     ${code}`,
  );
}

function held(result: Awaited<ReturnType<Coordinator['tryLock']>>): HeldLock {
  assert.ok(result.held);
  return result;
}

test('holders of one name take turns; other names do not wait [manager 13]', async (t) => {
  const { locks, folder } = aCoordinator(t);
  const seen: string[] = [];
  const body = (name: string) => async (): Promise<void> => {
    seen.push(`${name} in`);
    await sleep(5);
    seen.push(`${name} out`);
  };

  await Promise.all([
    locks.withLock('v-delete_volume', body('first')),
    locks.withLock('v-delete_volume', body('second')),
    locks.withLock('w', async () => void seen.push('other')),
  ]);

  assert.deepEqual(
    seen.filter((line) => line !== 'other'),
    ['first in', 'first out', 'second in', 'second out'],
  );
  assert.ok(seen.indexOf('other') < seen.indexOf('first out'));
  assert.deepEqual(readdirSync(folder).sort(), ['cinder-v-delete_volume', 'cinder-w']);
  assert.equal(statSync(join(folder, 'cinder-w')).size, 0);
});

test('a failing body and an abort while waiting leave the lock free', async (t) => {
  const { locks } = aCoordinator(t);
  const stop = new AbortController();

  await assert.rejects(
    locks.withLock('v', () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  const long = locks.withLock('v', () => sleep(20));
  const waiting = locks.withLock('v', async () => assert.fail('must not run'), stop.signal);
  stop.abort();

  await assert.rejects(waiting, { name: 'AbortError' });
  await long;
  assert.equal(await locks.withLock('v', async () => 'mine'), 'mine');
});

test('another process waits, and has the lock at once when its holder is killed [O-22c]', async (t) => {
  const { locks, folder } = aCoordinator(t);
  const neighbour = aNeighbour(t, folder, `await locks.withLock('v', async () => { say('in'); await forever(); });`);
  await neighbour.line();
  let mine = false;

  const waiting = locks.withLock('v', async () => {
    mine = true;
  });
  await sleep(50);
  const whileHeld = mine;
  await neighbour.kill();
  await waiting;

  assert.deepEqual([whileHeld, mine], [false, true]);
  assert.deepEqual(readdirSync(folder), ['cinder-v']);
});

test('excludes what takes the lock by fcntl.lockf in Python, both ways [O-22c, O-41]', async (t) => {
  if (!(await hasPython())) return t.skip('this machine has no python3');
  const { locks, folder } = aCoordinator(t);
  const file = join(folder, 'cinder-v');
  const python = (code: string): Program =>
    aCommand(t, 'python3', ['-uc', `import fcntl, sys\nf = open(${JSON.stringify(file)}, 'a')\n${code}`]);

  const holder = python(`fcntl.lockf(f, fcntl.LOCK_EX)\nprint('in')\nsys.stdin.read()`);
  await holder.line();
  const stop = new AbortController();
  const refused = locks.withLock('v', async () => 'mine', stop.signal);
  setTimeout(() => stop.abort(), 40);
  await assert.rejects(refused, { name: 'AbortError' });
  await holder.kill();

  const answer = await locks.withLock('v', async () => {
    const asker = python(
      `try:\n  fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n  print('got it')\nexcept OSError:\n  print('refused')`,
    );
    return asker.line();
  });
  const after = await python(`fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\nprint('got it')`).line();

  assert.deepEqual([answer, after], ['refused', 'got it']);
});

test('removes the lock files of a resource, but none that somebody holds [O-22c]', async (t) => {
  const { locks, folder } = aCoordinator(t);
  for (const name of ['v1', 'v1-delete_volume', 'v1-detach_volume', 'v2-delete_volume']) {
    await locks.withLock(name, async () => {});
  }
  writeFileSync(join(folder, 'v1.txt'), 'not a lock');
  const neighbour = aNeighbour(t, folder, `await locks.withLock('v1', async () => { say('in'); await forever(); });`);
  await neighbour.line();

  await locks.withLock('v1-detach_volume', () => locks.forget('v1'));

  assert.deepEqual(readdirSync(folder).sort(), [
    'cinder-v1',
    'cinder-v1-detach_volume',
    'cinder-v2-delete_volume',
    'v1.txt',
  ]);
  await neighbour.kill();
  await locks.forget('v1');
  assert.deepEqual(readdirSync(folder).sort(), ['cinder-v2-delete_volume', 'v1.txt']);
  await assert.rejects(locks.forget(''), /needs the id/);
});

test('nobody holds a lock twice while its file is removed again and again [O-22c]', async (t) => {
  const { locks, folder } = aCoordinator(t);
  const counter = join(folder, 'counter');
  writeFileSync(counter, '0');
  const rounds = 150;
  const count = `{
    const before = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
    await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(${JSON.stringify(counter)}, String(before + 1));
  }`;
  const code = `const { readFileSync, writeFileSync } = await import('node:fs');
    for (let i = 0; i < ${rounds}; i++) { await locks.withLock('v', async () => ${count}); await locks.forget('v'); }
    say('done');`;
  const neighbours = [aNeighbour(t, folder, code), aNeighbour(t, folder, code)];

  for (let i = 0; i < rounds; i++) {
    await locks.withLock('v', async () => {
      const before = Number(readFileSync(counter, 'utf8'));
      await sleep(0);
      writeFileSync(counter, String(before + 1));
    });
    await locks.forget('v');
  }
  await Promise.all(neighbours.map((neighbour) => neighbour.line()));

  assert.equal(readFileSync(counter, 'utf8'), String(3 * rounds));
});

test('thousands of created and deleted volumes leave no lock files [O-22c]', async (t) => {
  const { locks, folder } = aCoordinator(t);

  for (let i = 0; i < 2000; i++) {
    await locks.withLock(`${i}-delete_volume`, async () => {});
    await locks.forget(`${i}-`);
  }

  assert.deepEqual(readdirSync(folder), []);
});

test('a long wait is logged once, with the holder [O-22c]', async (t) => {
  const { locks, folder, logger } = aCoordinator(t, 20);
  const neighbour = aNeighbour(t, folder, `await locks.withLock('v', async () => { say('in'); await forever(); });`);
  await neighbour.line();

  const waiting = locks.withLock('v', async () => {});
  await eventually('the line', () => logger.lines.length > 0);
  await sleep(60);
  await neighbour.kill();
  await waiting;

  assert.equal(logger.lines.length, 1);
  assert.match(
    logger.lines[0] ?? '',
    new RegExp(`^WARNING Waiting for lock v for .*held by process ${neighbour.pid} \\(`),
  );
});

test('a lock on a file of its own is held to the end of the process, and its note outlives it [R-06]', async (t) => {
  const { locks, folder } = aCoordinator(t);
  const file = join(folder, 'host@backend.lock');
  const neighbour = aNeighbour(
    t,
    folder,
    `const lock = await locks.tryLock(${JSON.stringify(file)}); await lock.write('17'); say(String(lock.held)); await forever();`,
  );
  assert.equal(await neighbour.line(), 'true');

  const refused = await locks.tryLock(file);
  await neighbour.kill();
  const mine = held(await locks.tryLock(file));
  const again = await locks.tryLock(file);
  await Promise.all([mine.write('18'), mine.write('19')]);
  await mine.release();
  await mine.release();
  const next = held(await locks.tryLock(file));
  await next.release();

  assert.deepEqual(refused, { held: false, note: '17', pid: neighbour.pid });
  assert.deepEqual([mine.note, next.note], ['17', '19']);
  assert.deepEqual(again, { held: false, note: '17', pid: process.pid });
  assert.equal(statSync(file).size, 0);
  await assert.rejects(mine.write('20'), /was released/);
});

test('asking for a lock that this process holds does not drop it', async (t) => {
  const { locks, folder, logger } = aCoordinator(t);
  const file = join(folder, 'a.lock');
  held(await locks.tryLock(file));
  const second = openCoordinator({ folder, logger });

  assert.equal((await locks.tryLock(file)).held, false);
  assert.equal((await second.tryLock(file)).held, false);
  const neighbour = aNeighbour(t, folder, `say(String((await locks.tryLock(${JSON.stringify(file)})).held));`);

  assert.equal(await neighbour.line(), 'false');
});

test('a lock that nobody refers to any more is held all the same [R-06]', async (t) => {
  const { locks, folder } = aCoordinator(t);
  const file = join(folder, 'a.lock');
  const neighbour = aNeighbour(
    t,
    folder,
    `const { setFlagsFromString } = await import('node:v8');
     setFlagsFromString('--expose-gc');
     const collect = (await import('node:vm')).runInNewContext('gc');
     await locks.tryLock(${JSON.stringify(file)});
     for (let i = 0; i < 5; i++) { collect(); await new Promise((resolve) => setTimeout(resolve, 1)); }
     say('collected');
     await forever();`,
  );
  await neighbour.line();

  assert.equal((await locks.tryLock(file)).held, false);
});

test('what cannot be a lock is refused with its name', async (t) => {
  const { locks, folder, logger } = aCoordinator(t);
  writeFileSync(join(folder, 'cinder-v'), 'x'.repeat(1000));
  writeFileSync(join(folder, 'plain'), '');

  await assert.rejects(
    locks.withLock('v', async () => {}),
    /cinder-v is not empty/,
  );
  await assert.rejects(
    locks.withLock('../v', async () => {}),
    /"..\/v" cannot name a lock file/,
  );
  assert.throws(
    () => openCoordinator({ folder: join(folder, 'plain/locks'), logger }),
    /plain\/locks cannot be made by uid/,
  );
});

test('the lock folder is made, closed to others [O-33]', (t) => {
  const folder = join(aFolder(t), 'state', 'locks');

  openCoordinator({ folder, logger: aLogger() });

  assert.equal(statSync(folder).mode & 0o777, 0o750);
});

async function hasPython(): Promise<boolean> {
  const { spawnSync } = await import('node:child_process');
  return spawnSync('python3', ['-c', 'import fcntl']).status === 0;
}
