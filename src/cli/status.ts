import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type BackendStatus, type DaemonStatus, isUp, type ReloadResult } from '../interface/daemon-status.ts';
import type { RunningOperation } from '../interface/rpc.ts';
import { type Command, type CommandContext, CommandError, command, type ExitCode } from './command.ts';
import { duration, mebibytes } from './durations.ts';
import type { Terminal } from './environment.ts';
import { choice, integer, text, toggle } from './flags.ts';
import { interruptible } from './interruption.ts';

/** The commands about the daemon as a whole. */
export const daemonCommands: readonly Command[] = [
  command({
    name: 'status',
    help: 'Show how the daemon is doing: exit 0 all up, 1 something is not, 2 no daemon',
    flags: {
      watch: toggle('Show it again every second until ^C'),
      format: choice(['text', 'json'], 'text', 'Form of the output', { short: 'f' }),
    },
    positionals: {},
    async run(values, context) {
      const { askStatus } = await import('./daemon.ts');
      for (;;) {
        const status = await askStatus(context);
        const shown =
          values.format === 'json' ? `${JSON.stringify(status, undefined, 2)}\n` : statusText(status, context.stdout);
        context.stdout.write(values.watch && context.stdout.isTTY === true ? `\x1b[H\x1b[2J${shown}` : shown);
        if (!values.watch) return status.backends.length > 0 && status.backends.every(isUp) ? 0 : 1;
        await sleep(1_000, undefined, { signal: context.signal });
      }
    },
  }),
  command({
    name: 'drain',
    help: 'Take no new messages and wait until running operations have ended; the daemon stays up',
    flags: {
      backend: text(undefined, 'Only this backend', { shown: 'BACKEND' }),
      deadline: integer(undefined, 'Seconds to wait at most; the drain itself goes on', { min: 0, shown: 'S' }),
      detach: toggle('Do not wait'),
      disable: toggle('Take messages again'),
    },
    positionals: {},
    async run(values, context) {
      const { ask } = await import('./daemon.ts');
      const question = { body: { backend: values.backend, on: !values.disable } };
      const answer = await ask(context, 'POST', '/drain', question);
      if (answer.status !== 200) throw new CommandError((answer.body as { error: string }).error);
      if (values.detach || values.disable) return 0;
      const lastWords = (): string =>
        "the drain goes on; 'volume-daemon status' shows how far, --disable takes it back";
      return interruptible(context, lastWords, () => drained(context, values.backend, values.deadline));
    },
  }),
  command({
    name: 'reload',
    help: 'Make the daemon read its configuration again, and say what changed',
    flags: {},
    positionals: {},
    async run(_values, context) {
      const { ask } = await import('./daemon.ts');
      const lastWords = (): string => 'the reload goes on; the log says how it ends';
      const { body } = await interruptible(context, lastWords, () =>
        ask(context, 'POST', '/reload', { timeout: 3_600_000 }),
      );
      const { changes, problems } = body as ReloadResult;
      for (const change of changes) context.stdout.write(`${change}\n`);
      for (const problem of problems) context.stderr.write(`volume-daemon: ${problem}\n`);
      return problems.length === 0 ? 0 : 1;
    },
  }),
];

/** Waits until a drain is over, and tells what it waits for. */
async function drained(
  context: CommandContext,
  backend: string | undefined,
  deadline: number | undefined,
): Promise<ExitCode> {
  const { askStatus } = await import('./daemon.ts');
  const begun = performance.now();
  let told = '';
  for (;;) {
    const { backends } = await askStatus(context);
    const mine = backends.filter(({ name }) => backend === undefined || name === backend);
    if (mine.every(({ state, pid }) => state === 'drained' || pid === null)) {
      context.stdout.write(`drained after ${duration(performance.now() - begun)}\n`);
      return 0;
    }
    const running = mine.flatMap(({ inflight }) => inflight);
    const key = running.map(({ method, about }) => method + about).join();
    if (key !== told && running.length > 0) context.stdout.write(`${runningText(running)}\n`);
    told = key;
    if (deadline !== undefined && performance.now() - begun > deadline * 1000) {
      throw new CommandError(`not drained after ${deadline} s; the drain goes on`);
    }
    await sleep(100, undefined, { signal: context.signal });
  }
}

/** `2 operations in flight: create_volume 573e024d… (8 s), …`. */
function runningText(running: readonly RunningOperation[]): string {
  const each = running.map(({ method, about, age }) => `${method} ${short(about)} (${duration(age)})`).join(', ');
  return `${running.length} operation${running.length === 1 ? '' : 's'} in flight: ${each}`;
}

/** The page of `volume-daemon status`. */
function statusText(status: DaemonStatus, terminal: Terminal): string {
  const { backends } = status;
  const up = backends.filter(isUp).length;
  const word = up === backends.length && up > 0 ? 'up' : up > 0 ? 'degraded' : 'down';
  const age = duration(Date.now() - status.started_at);
  const head = `${status.program} ${status.version} on ${status.host}, pid ${status.pid}, up ${age}, ${mebibytes(status.memory)}`;
  const summary = `${painted(word, terminal)}: ${up} of ${backends.length} backends up`;
  const width = Math.max(0, ...backends.map(({ name }) => name.length));
  const lines = backends.flatMap((backend, index) =>
    backendLines(backend, width, index === backends.length - 1, terminal),
  );
  const broker = `broker  ${status.broker.address}${status.broker.embedded ? ' (embedded)' : ''} ${linkState(backends.map((each) => each.rpc_connected)) ?? 'up'}`;
  const databaseLink = linkState(backends.map((each) => each.database_connected));
  const database = `database  ${status.database}${databaseLink === undefined ? '' : ` ${databaseLink}`}`;
  return `${[`${head.padEnd(70)} ${summary}`, ...lines, `${broker.padEnd(45)}  ${database}`].join('\n')}\n`;
}

function backendLines(backend: BackendStatus, width: number, last: boolean, terminal: Terminal): string[] {
  const branch = last ? '└─' : '├─';
  const name = backend.name.padEnd(width);
  const pid = String(backend.pid ?? '-').padStart(7);
  const state = backend.responding ? backend.state : 'silent';
  const head = `${branch} ${name} ${pid}  ${painted(state, terminal)}  ${duration(Date.now() - backend.since)}  ${mebibytes(backend.memory)}`;
  const heard =
    backend.last_db_report === null
      ? 'no heartbeat yet'
      : `heartbeat ${duration(Date.now() - backend.last_db_report)} ago`;
  const next = backend.next_try === null ? '' : `, next try in ${duration(backend.next_try - Date.now())}`;
  const counts = `${backend.inflight.length} in flight, ${backend.restarts} restarts`;
  const rest = isUp(backend)
    ? `${heard}   rpc ${backend.rpc_connected ? 'up' : 'down'}   ${counts}`
    : `${backend.reason ?? ''}${next}`;
  const running = backend.inflight.map(({ method, about, progress, age, requestId }) => {
    const words = [method.padEnd(22), short(about), (progress ?? '').padEnd(24), duration(age).padStart(8), requestId];
    return `${last ? '  ' : '│ '}   ${words.join('  ')}`;
  });
  return [`${head}   ${rest}`.trimEnd(), ...running];
}

/** How many backends reach something; undefined where all do. */
function linkState(connected: readonly boolean[]): string | undefined {
  const count = connected.filter(Boolean).length;
  return count === connected.length ? undefined : `${count} of ${connected.length} connected`;
}

function short(id: string): string {
  return id.length > 9 ? `${id.slice(0, 8)}…` : id;
}

/** Colour only for words of state, and only on a terminal (ecosystem.md §1.1). */
function painted(word: string, { colours }: Terminal): string {
  if (colours !== true) return word;
  const colour =
    word === 'up' || word === 'drained' ? 'green' : word === 'starting' || word === 'draining' ? 'yellow' : 'red';
  return styleText(colour, word, { validateStream: false });
}
