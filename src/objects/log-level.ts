import { list, nested, nullable, type ObjectOf, string, versionedObject } from './versioned-object.ts';

const logLevelFields = { prefix: nullable(string), level: nullable(string) };

/** LogLevel 1.0 (objects.md §6.7). */
export const logLevelCodec = versionedObject('LogLevel', '1.0', logLevelFields);

/** LogLevelList 1.0: the answer of get_log_levels. */
export const logLevelListCodec = versionedObject('LogLevelList', '1.0', { objects: list(nested(logLevelCodec)) });

export type LogLevel = Partial<ObjectOf<typeof logLevelFields>>;
