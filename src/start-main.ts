import { runBundle } from './bundle.ts';

// The program that a person or systemd starts. As in start-worker.ts, what is not ours is loaded from here.
const { exports } = runBundle<typeof import('./main.ts')>('main.cjs');
void exports.main(process.argv.slice(2), (specifier) => import(specifier)).then((code) => process.exit(code));
