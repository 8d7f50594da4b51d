import { isRecord } from './versioned-object.ts';

/** Objects that an older set has in another version, and the fields that they lack there (objects.md §5.1). */
const older: Readonly<Record<string, Readonly<Record<string, { version: string; without: readonly string[] }>>>> = {
  '1.38': {
    Volume: { version: '1.8', without: ['use_quota'] },
    Snapshot: { version: '1.5', without: ['use_quota'] },
  },
};

/** A message for peers of an older set: every object in it, nested ones too, is written as that set has it (objects.md §5.3). */
export function backported(value: unknown, set: string): unknown {
  const changes = older[set];
  return changes === undefined ? value : rewritten(value, changes);
}

function rewritten(value: unknown, changes: NonNullable<(typeof older)[string]>): unknown {
  if (Array.isArray(value)) return value.map((item) => rewritten(item, changes));
  if (!isRecord(value)) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewritten(item, changes)]));
  const change = changes[String(value['versioned_object.name'])];
  const data = copy['versioned_object.data'];
  if (change === undefined || !isRecord(data)) return copy;
  const kept = Object.entries(data).filter(([field]) => !change.without.includes(field));
  return {
    ...copy,
    'versioned_object.version': change.version,
    'versioned_object.data': Object.fromEntries(kept),
  };
}
