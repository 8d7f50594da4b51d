/** What `import()` is. */
export type ImportModule = (specifier: string) => Promise<unknown>;

let importModule: ImportModule = (specifier) => import(specifier);

/**
 * Loads a module that is no part of this program: a driver or an instrumentation module of the operator's. Rejects with what
 * `import()` rejects with.
 */
export function loadModule(specifier: string): Promise<unknown> {
  return importModule(specifier);
}

/** A bundle that V8 took from its cache cannot import by itself in Node 20: whoever started it does it instead. */
export function importModulesBy(other: ImportModule): void {
  importModule = other;
}
