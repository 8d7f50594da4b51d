import { readFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

/** A bundle of this program: its script, and what it exports. */
export interface Bundle<T> {
  readonly script: Script;
  readonly exports: T;
}

/** The file with what V8 made of a bundle. */
export function cacheOf(name: string): string {
  return join(__dirname, `${name}.cache`);
}

/**
 * Runs a CommonJS file that stands beside this one. A third of a start is V8 compiling it, so `make bundle` keeps the result
 * (write-cache.ts). V8 refuses what another version or other flags made, and compiles as ever.
 */
export function runBundle<T>(name: string): Bundle<T> {
  const file = join(__dirname, name);
  const script = new Script(Module.wrap(readFileSync(file, 'latin1')), { filename: file, ...cached(name) });
  const module = { exports: {} as T };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return { script, exports: module.exports };
}

function cached(name: string): { cachedData?: Buffer } {
  try {
    return { cachedData: readFileSync(cacheOf(name)) };
  } catch {
    return {};
  }
}
