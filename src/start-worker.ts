import { runBundle } from './bundle.ts';

// The program of worker processes.
// Node 20 knows no import() in what V8 takes from its cache: other people's modules are loaded from here.
const { exports } = runBundle<typeof import('./worker.ts')>('worker.cjs');
void exports.runWorker((specifier) => import(specifier));
