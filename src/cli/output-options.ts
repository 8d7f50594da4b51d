import { type QuoteMode, quoteModes } from './csv-text.ts';
import { choice, type FlagTable, integer, text, texts, toggle, type ValuesOfFlags } from './flags.ts';

const common = {
  column: texts('Show this column; may be repeated, and gives the order', { short: 'c', shown: 'COLUMN' }),
  noindent: toggle('JSON on one line'),
  'max-width': integer(undefined, 'Most characters of a line of the table, 0 for any', { min: 0, shown: 'N' }),
  'fit-width': toggle('Fit the table into the terminal'),
  'print-empty': toggle('Print a table even when it has no rows'),
};

/** The options of a command that prints a list. */
export const listFlags = {
  format: choice(['csv', 'json', 'table', 'value', 'yaml'], 'table', 'Form of the output', { short: 'f' }),
  ...common,
  quote: choice(quoteModes, 'nonnumeric', 'What CSV has in quotes'),
  'sort-column': texts('Sort by this column; may be repeated, the first counts most', { shown: 'COLUMN' }),
  'sort-ascending': toggle('Sort upwards'),
  'sort-descending': toggle('Sort downwards'),
} satisfies FlagTable;

/** The options of a command that prints one thing. */
export const showFlags = {
  format: choice(['json', 'shell', 'table', 'value', 'yaml'], 'table', 'Form of the output', { short: 'f' }),
  ...common,
  prefix: text('', 'What shell variables begin with', { shown: 'PREFIX' }),
} satisfies FlagTable;

/** How an answer is printed. */
export interface OutputOptions {
  readonly format: 'csv' | 'json' | 'shell' | 'table' | 'value' | 'yaml';
  readonly columns: readonly string[];
  readonly sortColumns: readonly string[];
  readonly descending: boolean;
  readonly noindent: boolean;
  readonly quote: QuoteMode;
  readonly prefix: string;
  /** 0 for any. */
  readonly maxWidth: number;
  readonly fitWidth: boolean;
  readonly printEmpty: boolean;
}

type OutputValues = ValuesOfFlags<typeof listFlags> | ValuesOfFlags<typeof showFlags>;

/** The options as typed; cliff's variables count where the option is not given. */
export function outputOptions(
  values: OutputValues,
  env: Readonly<Record<string, string | undefined>> = {},
): OutputOptions {
  const listing = 'sort-column' in values ? values : undefined;
  return {
    format: values.format,
    columns: values.column,
    sortColumns: listing?.['sort-column'] ?? [],
    descending: listing?.['sort-descending'] === true && listing['sort-ascending'] === false,
    noindent: values.noindent,
    quote: listing?.quote ?? 'nonnumeric',
    prefix: 'prefix' in values ? values.prefix : '',
    maxWidth: values['max-width'] ?? wholeNumber(env['CLIFF_MAX_TERM_WIDTH']),
    fitWidth: values['fit-width'] || wholeNumber(env['CLIFF_FIT_WIDTH']) > 0,
    printEmpty: values['print-empty'],
  };
}

function wholeNumber(value: string | undefined): number {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : 0;
}
