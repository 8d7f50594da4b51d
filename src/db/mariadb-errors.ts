import { type Remedy, ServerError } from './server-error.ts';

/** What the numbers of MariaDB's and MySQL's errors mean to us. All others refuse the statement. */
const meanings: readonly {
  readonly numbers: readonly number[];
  readonly kind: 'away' | 'full' | 'refused';
  readonly remedy: Remedy;
}[] = [
  // Deadlock (also Galera's failed certification), lock wait timeout, a row that changed since the snapshot.
  { numbers: [1213, 1205, 1020, 1180], kind: 'away', remedy: { conflict: true } },
  { numbers: [1062, 1586, 1557], kind: 'refused', remedy: { duplicate: true } },
  // No space, no memory for it, a table that is full.
  { numbers: [1021, 1114, 1041], kind: 'full', remedy: {} },
  // Read-only: a replica, or a primary that is being made one. Galera: the node has not joined, or has no quorum.
  { numbers: [1290, 1792, 1836, 1047, 3100], kind: 'away', remedy: { moved: true } },
  // Shutting down, killed, network errors, idle for too long.
  {
    numbers: [1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 3169, 4031],
    kind: 'away',
    remedy: { lost: true, moved: true },
  },
  // No connection to be had, no access (a password that is being changed), too slow, interrupted.
  {
    numbers: [1040, 1203, 1226, 1129, 1130, 1044, 1045, 1049, 1698, 1820, 1862, 3118, 1317, 1969, 3024],
    kind: 'away',
    remedy: {},
  },
];

/** Says what an error of the client or the server means for `name`. */
export function mariadbError(error: unknown, name: string): ServerError {
  const { errno, code, message, fatal } = error as {
    errno?: unknown;
    code?: unknown;
    message: string;
    fatal?: unknown;
  };
  const cause = { code, message };
  const number = typeof errno === 'number' ? errno : 0;
  const meaning =
    number === 1030 && /\b28\b|no space/i.test(message)
      ? full
      : meanings.find(({ numbers }) => numbers.includes(number));
  if (meaning !== undefined) {
    const { kind, remedy } = meaning;
    return new ServerError(
      kind,
      `database ${name} ${verb(kind, remedy)}: ${message}`,
      fatal === true ? { ...remedy, lost: true } : remedy,
      cause,
    );
  }
  if (fatal === true || number <= 0) {
    return new ServerError(
      'away',
      `database ${name} cannot be reached: ${message || String(code)}`,
      { lost: true },
      cause,
    );
  }
  // The server quotes the statement, and with it the values, where it does not understand it.
  const shown = number === 1064 ? 'syntax error' : message;
  const text = `database ${name} refuses the statement: ${shown}; 'volume-daemon db check' compares its tables`;
  return new ServerError('refused', text, {}, { code, message: shown });
}

const full = { numbers: [], kind: 'full', remedy: {} } as const;

function verb(kind: string, { conflict, duplicate }: Remedy): string {
  if (kind === 'full') return 'has no space left; nothing was written';
  if (duplicate) return 'refuses the row, one with this key exists';
  return conflict ? 'was busy with others' : 'is not to be used now';
}
