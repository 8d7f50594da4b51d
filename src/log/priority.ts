import { LogError } from './identity.ts';

/** syslog's severity: CRITICAL 2, ERROR 3, WARNING 4, INFO 6, DEBUG and everything else 7 (G-070). */
export function severityOf(levelno: number): number {
  return severities[levelno] ?? 7;
}

const severities: Readonly<Record<number, number>> = { 50: 2, 40: 3, 30: 4, 20: 6 };

/** The number of a facility, named with or without `LOG_` in any case. Throws LogError for another word (G-004). */
export function facilityNumber(name: string): number {
  const number = numbers.get(name.toUpperCase().replace(/^(?:LOG_)?/, 'LOG_'));
  if (number !== undefined) return number;
  throw new LogError(`syslog facility must be one of: ${[...numbers.keys()].map((word) => `'${word}'`).join(', ')}`);
}

const system = ['KERN', 'USER', 'MAIL', 'DAEMON', 'AUTH', 'SYSLOG', 'LPR', 'NEWS', 'UUCP', 'CRON', 'AUTHPRIV', 'FTP'];

const numbers: ReadonlyMap<string, number> = new Map([
  ...system.map((word, number) => [`LOG_${word}`, number] as const),
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((local) => [`LOG_LOCAL${local}`, 16 + local] as const),
]);
