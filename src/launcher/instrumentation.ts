import { loadModule } from '../base/load-module.ts';
import type { Logger, Logs } from '../base/log.ts';

/** What an instrumentation module gets to know about the process it runs in. */
export interface InstrumentedProcess {
  readonly role: 'supervisor' | 'worker';
  /** `host@backend` in a worker. */
  readonly serviceHost?: string;
  readonly config: unknown;
  readonly logger: Logger;
}

/** `a.b.c:d.e` names a Python module, which an inherited file may well do (L-042). */
const pythonPath = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+(:[A-Za-z_][\w.]*)?$/;

/**
 * Loads the modules of `monkey_patch_modules`, each `specifier[:export]`, and calls the named export, or the default one,
 * if it is a function (L-041). A Python path is a warning; anything
 * else that cannot be loaded is fatal.
 */
export async function loadInstrumentation(
  items: readonly string[],
  about: Omit<InstrumentedProcess, 'logger'>,
  logs: Logs,
): Promise<void> {
  const log = logs('cinder.utils');
  for (const item of items) {
    if (pythonPath.test(item)) {
      log.warning('Ignoring monkey_patch module %s: not a Node.js module', item);
      continue;
    }
    const colon = item.indexOf(':', item.startsWith('file:') || item.startsWith('node:') ? 5 : 0);
    const [specifier, name] = colon < 0 ? [item, 'default'] : [item.slice(0, colon), item.slice(colon + 1)];
    const module = (await loadModule(specifier)) as Record<string, unknown>;
    const setUp = module[name];
    if (typeof setUp === 'function') await setUp({ ...about, logger: log });
    log.info('Loaded instrumentation module %s', item);
  }
}
