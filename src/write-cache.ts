import { writeFileSync } from 'node:fs';
import { cacheOf, runBundle } from './bundle.ts';

// Part of `make bundle`: runs a command line, and keeps what V8 made of the bundle by then. The worker's is written as it is
// when it is loaded: what it does depends on its supervisor.
const [name = '', ...argv] = process.argv.slice(2);
const { script, exports } = runBundle<Partial<typeof import('./main.ts')>>(name);
const run = exports.main?.(argv, (specifier) => import(specifier)) ?? Promise.resolve(0);
void run.then((code) => {
  if (code === 0) writeFileSync(cacheOf(name), script.createCachedData());
  process.exit(code);
});
