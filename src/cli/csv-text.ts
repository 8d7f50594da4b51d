import { Float } from '../base/python-float.ts';
import { type Cell, cellText } from './cells.ts';

export const quoteModes = ['all', 'minimal', 'none', 'nonnumeric'] as const;
export type QuoteMode = (typeof quoteModes)[number];

/** One line as Python's `csv.writer` writes it. Throws where nothing may be quoted and a single cell is empty. */
export function csvLine(cells: readonly Cell[], mode: QuoteMode): string {
  const fields = cells.map((cell) => field(cell, mode));
  if (fields.length === 1 && fields[0] === '') {
    if (mode === 'none') throw new Error('single empty field record must be quoted');
    return '""\n';
  }
  return `${fields.join(',')}\n`;
}

function field(cell: Cell, mode: QuoteMode): string {
  const text = cell === null ? '' : cellText(cell);
  if (mode === 'none') return text.replace(/[\\,"\n]/g, '\\$&');
  const numeric = typeof cell === 'number' || typeof cell === 'boolean' || cell instanceof Float;
  const quote = mode === 'all' || (mode === 'nonnumeric' && !numeric) || /[",\n]/.test(text);
  const body = text.replaceAll('\\', '\\\\');
  return quote ? `"${body.replaceAll('"', '""')}"` : body;
}
