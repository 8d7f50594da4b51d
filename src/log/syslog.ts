import { existsSync } from 'node:fs';
import type { Executor } from '../interface/executor.ts';
import { LogError, type LogIdentity, reasonOf } from './identity.ts';
import { channelSink, type LinePeer } from './line-channel.ts';
import { severityOf } from './priority.ts';
import type { Complain, Sink } from './sink.ts';

/**
 * Writes to the local syslog by one long-lived `logger` of util-linux (G-070): each line becomes a datagram with the
 * program as its identity and no pid. Throws LogError when `logger` cannot be started.
 */
export async function openSyslog(
  facility: number,
  socket: string | undefined,
  identity: LogIdentity,
  complain: Complain,
): Promise<Sink> {
  const executor = await identity.executor?.();
  if (executor === undefined) throw new LogError('use_syslog: nothing is here to start the program logger');
  const place = socket ?? identity.sockets?.syslog ?? '/dev/log';
  if (!existsSync(place)) complain(`syslog is not there (${place}): what is logged is lost to it until it is`);
  const args = loggerArguments(identity.program, place);
  const priorityOf = (levelno: number): number => facility * 8 + severityOf(levelno);
  try {
    return await channelSink('syslog', () => startLogger(executor, args), priorityOf, complain);
  } catch (error) {
    throw new LogError(`use_syslog: cannot start the program logger: ${reasonOf(error)}`, { cause: error });
  }
}

/** Datagrams may have 64 KiB: by default `logger` cuts lines into pieces of 1 KiB. */
function loggerArguments(tag: string, socket: string): string[] {
  return ['--prio-prefix', '--size', '65536', '--tag', tag, '--socket', socket];
}

async function startLogger(executor: Pick<Executor, 'start'>, args: readonly string[]): Promise<LinePeer> {
  const running = await executor.start('logger', args);
  return {
    write: (line) => running.write(line),
    async end() {
      running.end();
      await running.exited;
    },
    gone: running.exited,
  };
}
