import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon, fakeBackend, fileBackend } from '../support/daemon.ts';
import { randomOf } from '../support/seeded.ts';
import { auditFiles, JournalAudit, unrest } from './audit.ts';
import { Findings } from './findings.ts';
import { Lane, type Yard } from './lane.ts';
import { writeMarks } from './patterns.ts';
import { Requests } from './requests.ts';
import { Rows } from './rows.ts';

// make chaos: a load of requests while processes of the daemon are killed. ROUNDS and SEED repeat a run.

const rounds = Number(process.env['ROUNDS'] || 200);
const seed = Number(process.env['SEED'] || Date.now() % 1_000_000);
const random = randomOf(seed);
process.stdout.write(`SEED=${seed} ROUNDS=${rounds}\n`);

const folder = mkdtempSync(join(tmpdir(), 'vd-chaos-'));
const daemon = new Daemon(folder, {
  backends: {
    file1: fileBackend,
    fake1: fakeBackend({
      fake_journal: join(folder, 'journal'),
      fake_delay: 'create_volume:0.1,create_cloned_volume:0.2,create_snapshot:0.1,delete_volume:0.05,extend_volume:0.1',
    }),
  },
  defaults: { report_interval: 1 },
  sections: { volume_daemon: { respawn_backoff_max: 1, orphan_grace: 5, handover_grace: 2 } },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void daemon.destroy().then(() => process.exit(1)));
}
await whenUp(() => daemon.startUp());

const findings = new Findings();
const yard: Yard = {
  daemon,
  rows: new Rows(daemon),
  findings,
  random,
  contents: new Map(),
  extendsOf: new Map(),
  requests: await Requests.open(daemon),
};
const lanes = [...Array(4).fill('file1'), ...Array(2).fill('fake1')].map((backend) => new Lane(yard, backend));
const journal = new JournalAudit(daemon);
const began = performance.now();

let round = 0;
try {
  while (round < rounds && findings.violations.length === 0) {
    findings.begin(++round);
    await play();
    if (round % 10 === 0) process.stdout.write(`round ${round}, ${Math.round((performance.now() - began) / 1000)} s\n`);
  }
} catch (error) {
  findings.violated(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
await yard.requests.close();
await daemon.destroy();
process.stdout.write(`${findings.summary(round)}, ${Math.round((performance.now() - began) / 1000)} s\n`);
if (findings.violations.length > 0) {
  process.stdout.write(`SEED=${seed}; the state folder is kept: ${folder}\n`);
  process.exitCode = 1;
} else {
  rmSync(folder, { recursive: true, force: true });
}

/** One round: load, one or two kills at any moment, rest, and a look at everything. */
async function play(): Promise<void> {
  await yard.requests.connect();
  let over = false;
  const work = Promise.all(lanes.map((lane) => lane.work(() => over)));
  for (let kills = random() < 0.7 ? 1 : 2; kills > 0; kills--) {
    await sleep(random() * 500);
    await kill();
  }
  const killed = performance.now();
  await sleep(random() * 200);
  over = true;
  const ended = await Promise.race([work.then(() => true), sleep(60_000, false, { ref: false })]);
  if (!ended) findings.violated('a client command did not end within 60 s');
  await rest(killed);
  for (const lane of lanes) lane.settle();
  await auditFiles(join(folder, 'file1'), 'file1', yard.rows, yard.contents, findings);
  journal.check(yard.extendsOf, findings);
  await mark();
}

/** Waits until nothing is under way any more. */
async function rest(since: number): Promise<void> {
  for (;;) {
    const moving = unrest(yard.rows);
    if (moving.length === 0) break;
    if (performance.now() - since > 60_000) {
      findings.violated(`not at rest after 60 s: ${moving.join('; ')}`);
      break;
    }
    await sleep(20);
  }
  findings.recoveries.push(performance.now() - since);
  await whenUp(() => daemon.isUp());
}

/** A machine that has much else to do may need longer than the tests' patience. */
async function whenUp(first: () => Promise<void>): Promise<void> {
  await first()
    .catch(() => daemon.isUp())
    .catch(() => daemon.isUp());
}

/** Ends one process of the daemon, and starts the daemon again where that was the supervisor. */
async function kill(): Promise<void> {
  const status = await daemon.status().catch(() => undefined);
  const dice = random();
  const [victim, pid] =
    dice < 0.35
      ? (['file worker', status?.backends.find(({ name }) => name === 'file1')?.pid] as const)
      : dice < 0.55
        ? (['fake worker', status?.backends.find(({ name }) => name === 'fake1')?.pid] as const)
        : dice < 0.8
          ? (['broker', status?.broker.pid] as const)
          : (['supervisor', daemon.pid] as const);
  if (pid === undefined || pid === null) return;
  findings.kill(victim);
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return; // It was respawning.
  }
  if (victim !== 'supervisor') return;
  await daemon.ended;
  await sleep(random() * 300);
  daemon.start();
}

/** Writes into volumes that are still blank, so that what is copied from them can be told apart. */
async function mark(): Promise<void> {
  for (const { id } of yard.rows.volumes("status = 'available' and host like '%@file1#%'")) {
    if (yard.contents.get(id) !== undefined || random() < 0.3) continue;
    await writeMarks(join(folder, 'file1', `volume-${id}`), id);
    yard.contents.set(id, id);
  }
}
