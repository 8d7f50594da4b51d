import { randomInt } from 'node:crypto';

/** What an initiator has to know. */
export interface Chap {
  readonly user: string;
  readonly password: string;
}

const letters = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** Credentials that nobody can guess, of the lengths that upstream uses and every initiator takes. */
export function newChap(): Chap {
  return { user: randomText(20), password: randomText(16) };
}

export function randomText(length: number): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}

/** Reads `provider_auth`; undefined where the row has none. */
export function chapOf(providerAuth: string | null | undefined): Chap | undefined {
  const [method, user, password] = (providerAuth ?? '').split(' ');
  if (method !== 'CHAP' || user === undefined || password === undefined) return undefined;
  return checkedChap({ user, password }, 'provider_auth');
}

export function providerAuth({ user, password }: Chap): string {
  return `CHAP ${user} ${password}`;
}

/** Throws, without showing it, when a word would not survive tgt's files and parameter lists. */
export function checkedChap(chap: Chap, where: string): Chap {
  for (const word of [chap.user, chap.password]) {
    if (!/^[\w.@:!$%&*+/=?^~-]{1,100}$/.test(word)) {
      throw new Error(`CHAP user or password in ${where} is empty, too long, or has a blank, comma, quote or # in it`);
    }
  }
  return chap;
}
