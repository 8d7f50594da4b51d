import type { Logger } from '../base/log.ts';
import type { Executor } from '../interface/executor.ts';

/** Tells systemd how the daemon is doing (L-200 to L-205). Without a socket every call does nothing. */
export interface SystemdNotifier {
  /** `NAME=value` lines; what cannot be sent is one DEBUG line and no failure. Calls are sent in their order. */
  send(...lines: readonly string[]): Promise<void>;
  /** Milliseconds within which systemd wants to hear WATCHDOG=1; undefined when it does not. */
  readonly watchdog: number | undefined;
}

/** What systemd leaves in the environment; main takes it out, so that no child inherits it. */
export interface SystemdEnvironment {
  readonly socket: string | undefined;
  readonly watchdogUsec: string | undefined;
  readonly watchdogPid: string | undefined;
}

export function systemdNotifier(
  environment: SystemdEnvironment,
  pid: number,
  exec: Executor,
  log: Logger,
): SystemdNotifier {
  const { socket, watchdogUsec, watchdogPid } = environment;
  if (socket === undefined || socket === '') return { send: async () => {}, watchdog: undefined };
  let last: Promise<void> = Promise.resolve();
  const send = async (lines: readonly string[]): Promise<void> => {
    try {
      await exec.run('systemd-notify', [`--pid=${pid}`, ...lines], { env: { NOTIFY_SOCKET: socket }, timeout: 5_000 });
    } catch {
      // Its command is in the log with what came of it.
      log.debug('Systemd notification failed');
    }
  };
  return {
    send(...lines) {
      last = last.then(() => send(lines));
      return last;
    },
    watchdog: watchdogUsec && watchdogPid === String(pid) ? Number(watchdogUsec) / 1000 : undefined,
  };
}
