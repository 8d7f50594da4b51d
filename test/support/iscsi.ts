import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ConnectionInfo } from '../../src/interface/volume-driver.ts';

const run = promisify(execFile);
const patience = { timeout: 60_000, killSignal: 'SIGKILL' } as const;

/** The tools of the system tests. Fails with what to do when one is missing. */
export async function needTools(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await run('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${name}`]).catch(() => {
      throw new Error(`${name} is not installed: 'make test-system' installs what the system tests need`);
    });
  }
}

/** Who connects, where that is not what the connection says. An empty user does not log in by CHAP at all. */
export interface Initiator {
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
}

/** Arguments for qemu-io, an initiator in user space, to do something with the volume of a connection. */
export function qemuIo(info: ConnectionInfo, given: Initiator, commands: readonly string[]): string[] {
  const { data } = info;
  const { user = String(data['auth_username']), password = String(data['auth_password']), name } = given;
  const image = [
    'driver=iscsi,transport=tcp',
    `portal=${data['target_portal']}`,
    `target=${data['target_iqn']}`,
    `lun=${data['target_lun']}`,
    ...(user === '' ? [] : [`user=${user},password-secret=chap`]),
    ...(name === undefined ? [] : [`initiator-name=${name}`]),
  ];
  const secret = ['--object', `secret,id=chap,data=${password}`];
  return [...secret, ...commands.flatMap((command) => ['-c', command]), '--image-opts', image.join(',')];
}

/** Runs qemu-io to its end; rejects with what it says when the target refuses or an operation fails. */
export async function transfer(info: ConnectionInfo, given: Initiator, commands: readonly string[]): Promise<void> {
  const { stdout, stderr } = await run('qemu-io', qemuIo(info, given, commands), patience);
  if (/failed|Could not|can't open/i.test(stdout + stderr)) throw new Error(stdout + stderr);
}

/** The size that a newly connected initiator sees, in bytes. */
export async function sizeSeen({ data }: ConnectionInfo, { name }: Initiator): Promise<number> {
  const { target_portal, target_iqn, target_lun, auth_username, auth_password } = data;
  const url = `iscsi://${auth_username}%${auth_password}@${target_portal}/${target_iqn}/${target_lun}`;
  const { stdout } = await run('iscsi-readcapacity16', [...(name === undefined ? [] : ['-i', name]), url], patience);
  return Number(/Total size:(\d+)/.exec(stdout)?.[1]);
}
