import type { Answer, Cinder } from './cinder.ts';
import { anApiVolume, type Deployment, leftovers } from './deployment.ts';

/** How many of each kind are asked for at once. */
export interface BurstSize {
  readonly creates: number;
  readonly deletes: number;
  readonly extends: number;
  readonly snapshots: number;
}

export const wholeBurst: BurstSize = { creates: 50, deletes: 20, extends: 10, snapshots: 10 };

/** What was asked for and accepted by the API. */
export interface Burst {
  readonly creates: readonly string[];
  readonly deletes: readonly string[];
  readonly extends: readonly string[];
  readonly snapshots: readonly string[];
  /** What the API refused, for want of a broker or a database: nothing to wait for. */
  readonly refused: number;
}

/** How many ended in which status; `nobody's` are those that no backend was chosen for. */
export type Outcome = Readonly<Record<keyof BurstSize, Readonly<Record<string, number>>>>;

/**
 * Makes what the burst will delete, grow and take snapshots of. What it gives fires the burst; `underWay` is called when the
 * API has answered a third of it.
 */
export async function prepareBurst(
  cinder: Cinder,
  size = wholeBurst,
): Promise<(underWay?: () => void) => Promise<Burst>> {
  const made = await inParallel(size.deletes + size.extends + size.snapshots, () => oneThatWorks(cinder));
  const ids = made.map(({ id }) => String(id));
  const toDelete = ids.slice(0, size.deletes);
  const toExtend = ids.slice(size.deletes, size.deletes + size.extends);
  const toSnap = ids.slice(size.deletes + size.extends);
  const asked = size.creates + size.deletes + size.extends + size.snapshots;
  return async (underWay) => {
    let answers = 0;
    const sent = async (request: Promise<Answer>): Promise<Answer> => {
      const answer = await request;
      answers += 1;
      if (answers === Math.ceil(asked / 3)) underWay?.();
      return answer;
    };
    const [creates, deletes, grown, snapshots] = await Promise.all([
      inParallel(size.creates, (at) => sent(cinder.post('/volumes', { volume: { size: 1, name: `burst-${at}` } }))),
      Promise.all(toDelete.map((id) => sent(cinder.delete(`/volumes/${id}`)))),
      Promise.all(toExtend.map((id) => sent(cinder.post(`/volumes/${id}/action`, { 'os-extend': { new_size: 2 } })))),
      Promise.all(toSnap.map((id) => sent(cinder.post('/snapshots', { snapshot: { volume_id: id } })))),
    ]);
    const taken = (answers: readonly Answer[], idOf: (answer: Answer, at: number) => string | undefined): string[] =>
      answers.flatMap((answer, at) => (answer.status < 300 && answer.status > 0 ? [idOf(answer, at) ?? ''] : []));
    const burst = {
      creates: taken(creates, ({ body }) => body.volume.id),
      deletes: taken(deletes, (_, at) => toDelete[at]),
      extends: taken(grown, (_, at) => toExtend[at]),
      snapshots: taken(snapshots, ({ body }) => body.snapshot.id),
    };
    const all = Object.values(burst).reduce((sum, { length }) => sum + length, 0);
    return { ...burst, refused: asked - all };
  };
}

/** The API may still be at odds with what came back a moment ago. */
async function oneThatWorks(cinder: Cinder) {
  for (let tries = 1; ; tries++) {
    try {
      return await anApiVolume(cinder, {});
    } catch (error) {
      if (tries === 10) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

const resting = /^(available|in-use|deleted|error.*)$/;

/**
 * Waits until everything of a burst is at rest, or `ms` have passed; tells how it ended. What no backend was chosen for is
 * given up when it has not moved for 20 s: a scheduler at work takes it up before.
 */
export async function outcomeOf(cinder: Cinder, burst: Burst, ms: number): Promise<Outcome> {
  const deadline = performance.now() + ms;
  let moved = performance.now();
  let before = '';
  for (;;) {
    const outcome = await look(cinder, burst);
    const now = JSON.stringify(outcome);
    if (now !== before) moved = performance.now();
    before = now;
    const words = Object.values(outcome).flatMap((counts) => Object.keys(counts));
    const patience = words.includes(nobodys) ? 20_000 : 0;
    const over = words.every((word) => resting.test(word) || word === nobodys) && performance.now() - moved >= patience;
    if (over || performance.now() > deadline) return outcome;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const nobodys = "nobody's";

/** Those that did not come to rest. */
export function stuck(outcome: Outcome): number {
  return Object.values(outcome)
    .flatMap((counts) => Object.entries(counts))
    .reduce((sum, [word, count]) => sum + (resting.test(word) || word === nobodys ? 0 : count), 0);
}

async function look(cinder: Cinder, burst: Burst): Promise<Outcome> {
  const volumes = new Map<string, { status: string; host: string | null; size: number }>();
  for (const volume of await pages(cinder, 'volumes')) {
    volumes.set(volume.id, { status: volume.status, host: volume['os-vol-host-attr:host'], size: volume.size });
  }
  const snapshots = new Map((await pages(cinder, 'snapshots')).map(({ id, status }) => [id, status]));
  const statusOf = (id: string): string => {
    const volume = volumes.get(id);
    if (volume === undefined) return 'deleted';
    return volume.host === null && volume.status === 'creating' ? nobodys : volume.status;
  };
  return {
    creates: counted(burst.creates.map(statusOf)),
    deletes: counted(burst.deletes.map(statusOf)),
    extends: counted(burst.extends.map(statusOf)),
    snapshots: counted(burst.snapshots.map((id) => snapshots.get(id) ?? 'deleted')),
  };
}

/** Files that no row knows, and rows of working volumes whose file is missing. */
export async function mismatches(deployment: Deployment): Promise<{ files: string[]; rows: string[] }> {
  const volumes = await pages(deployment.cinder, 'volumes');
  const snapshots = await pages(deployment.cinder, 'snapshots');
  const names = [...volumes.map(({ id }) => `volume-${id}`), ...snapshots.map(({ id }) => `snapshot-${id}`)];
  const files = leftovers(deployment);
  const working = [
    ...volumes.filter(({ status }) => status === 'available').map(({ id }) => `volume-${id}`),
    ...snapshots.filter(({ status }) => status === 'available').map(({ id }) => `snapshot-${id}`),
  ];
  return {
    files: files.filter((file) => !names.some((known) => file.startsWith(known))),
    rows: working.filter((name) => !files.includes(name)),
  };
}

async function pages(cinder: Cinder, kind: 'volumes' | 'snapshots') {
  const all: { id: string; status: string; size: number; 'os-vol-host-attr:host': string | null }[] = [];
  for (;;) {
    const { status, body } = await cinder.get(`/${kind}/detail?all_tenants=1&limit=500&offset=${all.length}`);
    if (status !== 200) throw new Error(`the API answers ${status} to a list of ${kind}`);
    all.push(...body[kind]);
    if (body[kind].length < 500) return all;
  }
}

function counted(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function inParallel<T>(count: number, body: (at: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => body(at)));
}
