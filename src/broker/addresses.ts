/** What an address of the v2 scheme names (messaging.md §4). */
export type Address =
  | { readonly kind: 'queue'; readonly queue: string }
  | { readonly kind: 'exchange'; readonly exchange: string; readonly key: string };

/** Reads `/queues/<queue>`, `/exchanges/<exchange>/<key>` or `/exchanges/<exchange>`; undefined for anything else. */
export function addressOf(text: string): Address | undefined {
  const [root, room, ...names] = text.split('/').map(decoded);
  const [first, second = ''] = names;
  if (root !== '' || first === undefined || first === '' || names.length > 2) return undefined;
  if (names.includes(undefined)) return undefined;
  if (room === 'queues' && names.length === 1) return { kind: 'queue', queue: first };
  if (room === 'exchanges') return { kind: 'exchange', exchange: first, key: second };
  return undefined;
}

/** A segment without its percent signs; undefined where they are wrong. */
export function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
