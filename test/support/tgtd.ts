import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { silent } from '../../src/base/log.ts';
import { createExecutor } from '../../src/exec/run.ts';
import type { Executor, RunningProgram } from '../../src/interface/executor.ts';
import type { TargetDriver } from '../../src/interface/target-driver.ts';
import type { TargetParts } from '../../src/targets/parts.ts';
import {
  type PrivateTgtd,
  preparePrivateTgtd,
  privateTgtdCommand,
  waitForTgtd,
} from '../../src/targets/private-tgtd.ts';
import { openTarget } from '../../src/targets/registry.ts';
import { driverParts, reading, type TestParts } from './driver-parts.ts';
import { aFolder } from './folder.ts';
import { needTools } from './iscsi.ts';

const execute = promisify(execFile);

/** A tgtd of the test's own, and a target driver that talks to it. */
export interface TgtdUnderTest {
  readonly folder: string;
  readonly parts: TestParts;
  readonly address: PrivateTgtd;
  start(): Promise<void>;
  kill(): Promise<void>;
  openTarget(values?: Readonly<Record<string, unknown>>, given?: Partial<TargetParts>): Promise<TargetDriver>;
  tgtadm(...args: readonly string[]): Promise<string>;
  /** Names of the targets that stand. */
  exports(): Promise<string[]>;
  aFile(gib?: number): Promise<string>;
}

export async function aTgtd(t: Pick<TestContext, 'after'>): Promise<TgtdUnderTest> {
  await needTools('tgtd', 'tgtadm');
  const folder = aFolder(t);
  const exec: Executor = createExecutor({ environment: { PATH: process.env['PATH'] }, rootHelper: [], logger: silent });
  const parts = driverParts(folder);
  const address = await preparePrivateTgtd(join(folder, 'tgtd'));
  let program: RunningProgram | undefined;
  const start = async (): Promise<void> => {
    const { file, args, options } = privateTgtdCommand(address);
    program = await exec.start(file, args, options);
    await waitForTgtd(exec, address, AbortSignal.timeout(10_000));
  };
  const kill = async (): Promise<void> => {
    program?.kill('SIGKILL');
    await program?.exited;
    program = undefined;
  };
  t.after(kill);
  await start();
  const tgtadm = async (...args: readonly string[]): Promise<string> => {
    const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, TGT_IPC_SOCKET: address.socket };
    const words = ['-C', String(address.controlPort), '--lld', 'iscsi', ...args];
    return (await execute('tgtadm', words, { env })).stdout;
  };
  let files = 0;
  return {
    folder,
    parts,
    address,
    start,
    kill,
    tgtadm,
    async openTarget(values = {}, given = {}) {
      const read = reading({ volumes_dir: join(folder, 'volumes'), ...values });
      const { coordinator, naming, logs } = parts;
      const target = await openTarget({ exec: parts.exec, coordinator, naming, logs, tgtd: address, ...given }, read);
      t.after(() => target.close());
      await target.check(new AbortController().signal);
      return target;
    },
    async exports() {
      const listing = await tgtadm('--op', 'show', '--mode', 'target');
      return [...listing.matchAll(/^Target \d+: (.*)$/gm)].map(([, name = '']) => name);
    },
    async aFile(gib = 1) {
      files += 1;
      const path = join(folder, `file-${files}`);
      const handle = await open(path, 'wx', 0o600);
      await handle.truncate(gib * 2 ** 30);
      await handle.close();
      return path;
    },
  };
}
