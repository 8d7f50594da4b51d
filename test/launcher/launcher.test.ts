import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { Logger } from '../../src/base/log.ts';
import type { Child, Exit, Job } from '../../src/launcher/child.ts';
import { Launcher } from '../../src/launcher/launcher.ts';

/** Processes that exist on paper only: they die when told. */
function paperJob(name: string, infrastructure = false) {
  const children: { pid: number; signals: string[]; die: (exit: Exit) => void }[] = [];
  let pid = 100;
  const job: Job = {
    name,
    label: `node@${name}`,
    infrastructure,
    async spawn(): Promise<Child> {
      let die = (_exit: Exit): void => {};
      const exited = new Promise<Exit>((resolve) => {
        die = resolve;
      });
      const child = { pid: pid++, signals: [] as string[], die };
      children.push(child);
      return { pid: child.pid, exited, kill: (signal) => child.signals.push(signal), send: () => true };
    },
  };
  return { job, children };
}

function recorder(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (template: string, ...values: unknown[]): void => {
      let index = 0;
      lines.push(`${level} ${template.replace(/%[sd]/g, () => String(values[index++]))}`);
    };
  const log: Logger = {
    debug: write('DEBUG'),
    info: write('INFO'),
    warning: write('WARNING'),
    error: write('ERROR'),
    exception: (_error, template, ...values) => write('ERROR')(template, ...values),
    log: (level, _facts, template, ...values) => write(level)(template, ...values),
    isEnabledFor: () => true,
  };
  return { log, lines };
}

test('a child that dies unasked is replaced at once and told of as a warning [L-150, L-151, L-153, L-154, L-155]', async () => {
  const { log, lines } = recorder();
  const launcher = new Launcher(log, () => 60_000);
  const { job, children } = paperJob('lvm');
  launcher.add(job);
  await tick();

  children[0]?.die({ code: null, signal: 'SIGKILL' });
  await tick();

  assert.equal(children.length, 2);
  assert.deepEqual(lines, [
    'INFO Starting 1 workers',
    'DEBUG Started child 100',
    'WARNING Child 100 killed by signal 9 (node@lvm)',
    'DEBUG Started child 101',
  ]);
  assert.equal(launcher.jobs()[0]?.restarts, 1);
});

test('stop ends the workers first and what they stand on last, and respawns nothing [L-170, M-60]', async () => {
  const { log, lines } = recorder();
  const launcher = new Launcher(log, () => 60_000);
  const broker = paperJob('broker', true);
  const worker = paperJob('lvm');
  launcher.add(broker.job);
  launcher.add(worker.job);
  await tick();

  const stopped = launcher.stop();
  await tick();
  assert.deepEqual([worker.children[0]?.signals, broker.children[0]?.signals], [['SIGTERM'], []]);
  worker.children[0]?.die({ code: 0, signal: null });
  await tick();
  assert.deepEqual(broker.children[0]?.signals, ['SIGTERM']);
  broker.children[0]?.die({ code: 0, signal: null });
  await stopped;

  assert.deepEqual([worker.children.length, broker.children.length], [1, 1]);
  assert.deepEqual(lines.slice(3), [
    'DEBUG Stop services.',
    'DEBUG Killing children.',
    'INFO Waiting on 2 children to exit',
    'INFO Child 100 exited with status 0 (node@lvm)',
    'INFO Child 100 exited with status 0 (node@broker)',
  ]);
});

test('one job in a crash loop waits, the others are respawned at once [L-103, O-09]', async () => {
  const { log, lines } = recorder();
  const launcher = new Launcher(log, () => 60_000);
  const bad = paperJob('bad');
  const good = paperJob('good');
  launcher.add(bad.job);
  launcher.add(good.job);
  await tick();

  bad.children[0]?.die({ code: 3, signal: null });
  await tick();
  bad.children[1]?.die({ code: 3, signal: null });
  await tick();
  good.children[0]?.die({ code: null, signal: 'SIGSEGV' });
  await tick();

  assert.equal(bad.children.length, 2);
  assert.equal(good.children.length, 2);
  assert.ok(lines.includes('INFO Forking too fast, sleeping (node@bad, 1 s)'));
  launcher.killAll();
});

test('a job that is removed while it waits ends without another start', async () => {
  const launcher = new Launcher(recorder().log, () => 60_000);
  const { job, children } = paperJob('bad');
  launcher.add(job);
  await tick();
  children[0]?.die({ code: 3, signal: null });
  await tick();
  children[1]?.die({ code: 3, signal: null });
  await tick();

  await launcher.remove('bad');

  assert.equal(children.length, 2);
  assert.equal(launcher.has('bad'), false);
});
