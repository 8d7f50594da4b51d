import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

// The program of worker processes. A third of a worker's start is V8 compiling its bundle, so `make bundle` keeps the result
// beside it (`start-worker.cjs --write-cache`). V8 refuses what another version or other flags made, and compiles as ever.

const program = process.argv[1] ?? '';
const bundle = join(dirname(program), 'worker.cjs');
const cache = `${bundle}.cache`;

const script = new Script(Module.wrap(readFileSync(bundle, 'utf8')), {
  filename: bundle,
  ...cached(),
});
const module = { exports: {} as { runWorker?: (load: (specifier: string) => Promise<unknown>) => Promise<void> } };
script.runInThisContext()(module.exports, createRequire(bundle), module, bundle, dirname(bundle));

if (process.argv.includes('--write-cache')) writeFileSync(cache, script.createCachedData());
// Node 20 knows no import() in what V8 takes from its cache: other people's modules are loaded from here.
else void module.exports.runWorker?.((specifier) => import(specifier));

function cached(): { cachedData?: Buffer } {
  try {
    return { cachedData: readFileSync(cache) };
  } catch {
    return {};
  }
}
