/**
 * The expression that a whole text fits when it fits a pattern of Python's `fnmatch`: `*`, `?`, `[abc]`, `[a-c]` and `[!abc]`,
 * where case counts. Throws SyntaxError for a range that is none, such as `[c-a]`.
 */
export function fnmatch(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*|\?|\[(!?)(\]?[^\]]*)\]|./gsu, (part, not?: string, set?: string) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (set) return `[${not === '!' ? '^' : ''}${escaped(set, /[\\[\]^]/g)}]`;
    return escaped(part, /[.*+?^${}()|[\]\\/]/g);
  });
  return new RegExp(`^${source}$`, 'su');
}

function escaped(text: string, special: RegExp): string {
  return text.replaceAll(special, '\\$&');
}
