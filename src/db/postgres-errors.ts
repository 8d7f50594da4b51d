import { type Remedy, ServerError } from './server-error.ts';

type Meaning = readonly [kind: 'away' | 'full' | 'refused', remedy: Remedy, what: string];

/** What PostgreSQL's error codes mean to us, by the code or by its class. All others refuse the statement. */
const meanings: Readonly<Record<string, Meaning>> = {
  '40001': ['away', { conflict: true }, 'was busy with others'],
  '40P01': ['away', { conflict: true }, 'was busy with others'],
  '55P03': ['away', { conflict: true }, 'was busy with others'],
  '23505': ['refused', { duplicate: true }, 'refuses the row, one with this key exists'],
  '53100': ['full', {}, 'has no space left; nothing was written'],
  '53': ['away', {}, 'is not to be used now'],
  '25006': ['away', { moved: true }, 'is not to be used now'],
  '57014': ['away', {}, 'is not to be used now'],
  '57P': ['away', { lost: true, moved: true }, 'is not to be used now'],
  '08': ['away', { lost: true }, 'is not to be used now'],
  '25P03': ['away', { lost: true }, 'is not to be used now'],
  // No access: a password or a database that is being changed.
  '28': ['away', {}, 'is not to be used now'],
  '3D': ['away', {}, 'is not to be used now'],
  '58': ['away', {}, 'is not to be used now'],
};

/** Says what an error of the client or the server means for `name`. */
export function postgresError(error: unknown, name: string): ServerError {
  const { code, message, severity } = error as { code?: unknown; message: string; severity?: unknown };
  const text = message || (error instanceof AggregateError ? error.errors.map(String).join(', ') : String(code));
  const cause = { code, message: text };
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || severity === undefined) {
    return new ServerError('away', `database ${name} cannot be reached: ${text}`, { lost: true }, cause);
  }
  const isLost = severity === 'FATAL' || severity === 'PANIC';
  const meaning = [code, code.slice(0, 3), code.slice(0, 2)].map((part) => meanings[part]).find((found) => found);
  if (meaning !== undefined) {
    const [kind, remedy, what] = meaning;
    return new ServerError(
      kind,
      `database ${name} ${what}: ${text}`,
      isLost ? { ...remedy, lost: true } : remedy,
      cause,
    );
  }
  const refusal = `database ${name} refuses the statement: ${text}; 'volume-daemon db check' compares its tables`;
  return new ServerError(isLost ? 'away' : 'refused', refusal, isLost ? { lost: true } : {}, cause);
}
