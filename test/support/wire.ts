import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './repository.ts';

/** One message between real Cinder services, as it stood on the broker (test/wire/INDEX.md). */
export interface CapturedMessage {
  readonly file: string;
  readonly seq: number;
  readonly exchange: string;
  readonly routing_keys: readonly string[];
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly message: Readonly<Record<string, unknown>>;
}

/** All captured messages, or those of one file (`03-create_volume`), in order of publication. */
export function capturedMessages(file?: string): CapturedMessage[] {
  const folder = join(repository, 'test/wire');
  const names = file === undefined ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : [`${file}.jsonl`];
  return names.sort().flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ file: name, ...JSON.parse(line) }) as CapturedMessage),
  );
}
