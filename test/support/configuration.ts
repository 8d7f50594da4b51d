import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Configuration, load } from '../../src/config/load.ts';
import type { Schema } from '../../src/config/schema.ts';
import { readSources, type Sources, type SourcesRequest } from '../../src/config/sources.ts';

/** A fresh folder with these files (path: content), gone when the test ends. */
export function aFolder(
  t: Pick<TestContext, 'after'>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): string {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** A request in which nothing is set and the search path leads into `folder`. */
export function aRequest(folder: string, more: Partial<SourcesRequest> = {}): SourcesRequest {
  return { environment: {}, home: folder, cwd: folder, items: [], args: [], defaults: {}, ...more };
}

/** Sources made of one file `cinder.conf` with this text, and of whatever else the request says. */
export function sourcesOf(t: Pick<TestContext, 'after'>, text: string, more: Partial<SourcesRequest> = {}): Sources {
  const folder = aFolder(t, { 'cinder.conf': text });
  const items = [{ kind: 'file', path: join(folder, 'cinder.conf') } as const, ...(more.items ?? [])];
  return readSources(aRequest(folder, { ...more, items }));
}

/** The configuration of one file's text by these tables. */
export function configurationOf(
  t: Pick<TestContext, 'after'>,
  text: string,
  schema: Partial<Schema>,
  more: Partial<SourcesRequest> = {},
): Configuration {
  return load(sourcesOf(t, text, more), { groups: [], backend: [], ...schema });
}
