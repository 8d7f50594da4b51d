import { type Cell, cellText } from './cells.ts';

/**
 * One assignment that a shell can read. Unlike cliff's, it also keeps `$`, backquotes and backslashes of the value from
 * meaning anything: whoever runs `eval` on it need not trust the names of volumes.
 */
export function shellLine(prefix: string, name: string, cell: Cell): string {
  const variable = name.toLowerCase().replace(/[ :-]/g, '_');
  return `${prefix}${variable}="${cellText(cell).replace(/["$`]|\\(?=["$`\\\n]|$)/g, '\\$&')}"\n`;
}
