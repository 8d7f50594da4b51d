import type { Level } from '../base/log.ts';
import type { Executor } from '../interface/executor.ts';

/** Who logs. */
export interface LogIdentity {
  /** Names the file below `log_dir`, and the sender in syslog and journal: `cinder-volume`. */
  readonly program: string;
  /** Printed in JSON (G-034). The supervisor alone rotates files; the others follow (G-053). */
  readonly role: 'supervisor' | 'worker' | 'broker' | 'client';
  readonly version: string;
  /** `host@backend` of a worker. */
  readonly serviceHost?: string;
  /** Level of the root logger while `debug` is off; INFO by default (G-040). */
  readonly rootLevel?: Level;
  /** Starts the program `logger`; asked for only where `use_syslog` is on. Give it a silent Logger. */
  readonly executor?: () => Promise<Pick<Executor, 'start'>>;
  /** Where syslog and journald listen, if not at their usual places. */
  readonly sockets?: { readonly syslog?: string; readonly journal?: string };
}

/** Why the log cannot be opened as configured: one line for an operator (L-023, G-004, G-007). */
export class LogError extends Error {
  override readonly name = 'LogError';
}

/** The reason of a failed system call, without Node's code, call and path: `no such file or directory`. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^E[A-Z0-9]+: /, '').replace(/, \w+( '.*')?$/, '');
}
