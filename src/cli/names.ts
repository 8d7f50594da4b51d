import type { Database } from '../interface/database.ts';
import type { Snapshot } from '../objects/snapshot.ts';
import type { Volume } from '../objects/volume.ts';
import { CommandError } from './command.ts';

/** Characters of a name, a description, or a part of a property, as the API has it. */
const longest = 255;

/** Most GiB that a row can hold. */
const largest = 2 ** 31 - 1;

/**
 * A name for something new. Nothing that could be taken for a path or an option, no control characters: whatever prints or
 * passes it on later need not wonder.
 */
export function newName(name: string | undefined): string | null {
  if (name === undefined) return null;
  const fault = nameFault(name);
  if (fault !== undefined) throw new CommandError(`the name ${shortened(name)} ${fault}`, 2);
  return name;
}

/** Any text that a row holds beside a name. */
export function newText(what: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const fault = textFault(text);
  if (fault !== undefined) throw new CommandError(`${what} ${shortened(text)} ${fault}`, 2);
  return text;
}

function shortened(text: string): string {
  const characters = [...text];
  return JSON.stringify(characters.length > 60 ? `${characters.slice(0, 60).join('')}…` : text);
}

function nameFault(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  const fault = textFault(name);
  if (fault !== undefined) return fault;
  if (/\p{Cc}|\p{Zl}|\p{Zp}/u.test(name)) return 'has control characters';
  if (name.startsWith('-')) return 'looks like an option';
  if (name.includes('/') || name === '.' || name === '..') return 'looks like a path';
  return undefined;
}

/** What no row takes. Bytes that are no UTF-8 have become U+FFFD on their way to us: nobody could type the name again. */
function textFault(text: string): string | undefined {
  const { length } = [...text];
  if (length > longest) return `has ${length} characters; at most ${longest} are allowed`;
  if (/[\0\p{Cs}\uFFFD]/u.test(text)) return 'is not valid UTF-8';
  return undefined;
}

/** A size from the command line: whole GiB. */
export function newSize(text: string): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) < 1 || Number(text) > largest) {
    throw new CommandError(`the size ${shortened(text)} is not valid: expected whole GiB from 1 to ${largest}`, 2);
  }
  return Number(text);
}

/** The volume of this id, or the only one of this name; the words are the openstack client's. */
export async function findVolume({ volumes }: Pick<Database, 'volumes'>, nameOrId: string): Promise<Volume> {
  return only('volume', nameOrId, (await volumes.get(nameOrId)) ?? (await volumes.named(nameOrId)));
}

export async function findSnapshot({ snapshots }: Pick<Database, 'snapshots'>, nameOrId: string): Promise<Snapshot> {
  return only('snapshot', nameOrId, (await snapshots.get(nameOrId)) ?? (await snapshots.named(nameOrId)));
}

function only<T extends { readonly id: string }>(kind: string, nameOrId: string, found: T | readonly T[]): T {
  const all = Array.isArray(found) ? (found as readonly T[]) : [found as T];
  const [first] = all;
  if (first === undefined) throw new CommandError(`No ${kind} with a name or ID of '${nameOrId}' exists.`);
  if (all.length > 1) {
    const ids = all.map(({ id }) => id).join(', ');
    throw new CommandError(`More than one ${kind} exists with the name '${nameOrId}': ${ids}`);
  }
  return first;
}
