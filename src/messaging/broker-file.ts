import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { naming } from '../base/file-error.ts';
import { makeFolder } from '../base/folders.ts';
import { isRecord } from '../objects/versioned-object.ts';
import type { BrokerAddress } from './connection-plan.ts';

/** Where client commands find the embedded broker. */
function brokerFile(statePath: string): string {
  return join(statePath, 'broker.json');
}

/** What the file says; undefined where there is none, or it says nothing usable. */
export async function readBrokerFile(statePath: string): Promise<BrokerAddress | undefined> {
  let text: string;
  try {
    text = await readFile(brokerFile(statePath), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const found: unknown = parsed(text);
  if (!isRecord(found)) return undefined;
  const { host, port, user, password } = found;
  if (typeof host !== 'string' || typeof port !== 'number' || typeof user !== 'string') return undefined;
  return typeof password === 'string' ? { host, port, user, password } : undefined;
}

/** Replaces the file, readable by its owner alone: a reader sees the old address or the new one. */
export async function writeBrokerFile(statePath: string, address: BrokerAddress): Promise<void> {
  const path = brokerFile(statePath);
  await makeFolder(dirname(path), 0o750);
  const temporary = `${path}.new`;
  await naming(temporary, () => fill(temporary, `${JSON.stringify(address)}\n`));
  await rename(temporary, path);
}

async function fill(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A password nobody can guess; it stays the same for as long as the file does. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
