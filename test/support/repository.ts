import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that is under test: the compiled tests stand in its `build/test`. */
export const repository = resolve(fileURLToPath(import.meta.url), '../../../..');
