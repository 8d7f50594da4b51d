import { readFile } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import { DatabaseError } from '../interface/database.ts';
import type { DatabaseUrl } from './url.ts';

/** True and false as Python's drivers and operators spell them; undefined where the URL says nothing. */
export function flagOf({ query, masked }: DatabaseUrl, name: string): boolean | undefined {
  const text = query.get(name)?.toLowerCase();
  if (text === undefined) return undefined;
  if (['1', 'true', 'yes', 'on', 'required'].includes(text)) return true;
  if (['', '0', 'false', 'no', 'off', 'none'].includes(text)) return false;
  throw new DatabaseError('refused', `[database] connection = ${masked}: ${name} is true or false, not '${text}'`);
}

/** What stands in the file that an argument of the URL names, such as a certificate. */
export async function fileOf({ query, masked }: DatabaseUrl, name: string): Promise<string | undefined> {
  const path = query.get(name);
  if (!path) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new DatabaseError('refused', `[database] connection = ${masked}: ${name}: ${messageOf(error)}`);
  }
}
