import { NotValid } from './problems.ts';

const reference = /\$(?:(\$)|([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi;

/**
 * Replaces `$name`, `${name}` and `${group.name}` by what `find` gives for the name; `$$` and `\$` are one `$`, any other
 * `$` stays (C-040 to C-042). Where `find` gives undefined there is no such option: throws NotValid (C-043).
 */
export function interpolate(text: string, find: (name: string) => string | undefined): string {
  if (!text.includes('$')) return text;
  return text.replaceAll('\\$', '$$$$').replace(reference, (_match, dollar, plain, braced) => {
    if (dollar !== undefined) return '$';
    const name = String(plain ?? braced);
    const value = find(name);
    if (value === undefined) {
      throw new NotValid((shown) => `unknown reference $${shown}; a literal $ is written as $$`, name);
    }
    return value;
  });
}
