import { connect } from 'node:net';
import { LogError, type LogIdentity, reasonOf } from './identity.ts';
import { channelSink, type LinePeer } from './line-channel.ts';
import { severityOf } from './priority.ts';
import type { Complain, Sink } from './sink.ts';

/**
 * Writes to journald by its stream socket, since Node has no datagram sockets: a line arrives with MESSAGE, PRIORITY,
 * SYSLOG_IDENTIFIER and SYSLOG_FACILITY (G-071). Throws LogError where there is no journald (G-004).
 */
export async function openJournal(facility: number, identity: LogIdentity, complain: Complain): Promise<Sink> {
  const path = identity.sockets?.journal ?? '/run/systemd/journal/stdout';
  const hello = greeting(identity.program, facility);
  try {
    return await channelSink('journald', () => connectJournal(path, hello), severityOf, complain);
  } catch (error) {
    throw new LogError(`use_journal: cannot reach journald at ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Identity, unit (journald finds it), usual priority, priorities before the lines, no forwarding to three places. */
function greeting(program: string, facility: number): string {
  return `${program}\n\n${facility * 8 + severityOf(20)}\n1\n0\n0\n0\n`;
}

function connectJournal(path: string, hello: string): Promise<LinePeer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const gone = new Promise<void>((done) => socket.once('close', () => done()));
    // After the connection stands, an error is followed by 'close', which says all there is to know.
    socket.on('error', reject);
    socket.once('connect', () => {
      socket.unref();
      socket.write(hello);
      resolve({
        write: (line) => socket.write(line),
        end: () => new Promise((done) => socket.end(() => done())),
        gone,
      });
    });
  });
}
