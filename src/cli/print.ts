import { Float } from '../base/python-float.ts';
import { repr } from '../base/python-text.ts';
import { sortedRows } from './cell-order.ts';
import { type Cell, cellText } from './cells.ts';
import { CommandError } from './command.ts';
import { csvLine } from './csv-text.ts';
import type { Terminal } from './environment.ts';
import { JsonObject, jsonText } from './json-text.ts';
import type { OutputOptions } from './output-options.ts';
import { shellLine } from './shell-text.ts';
import { columnLimits } from './table-width.ts';
import { wrapText } from './text-wrap.ts';
import { yamlText } from './yaml-text.ts';

interface Streams {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
}

type Row = readonly Cell[];

/**
 * Prints rows as the openstack client prints a list, in the form that was asked for (ecosystem.md §3.2). Throws CommandError
 * when none of the columns asked for exists.
 */
export async function printList(
  { stdout, stderr }: Streams,
  columns: readonly string[],
  rows: readonly Row[],
  options: OutputOptions,
): Promise<void> {
  const ordered = sorted(stderr, columns, rows, options);
  const chosen = chosenColumns(columns, options);
  const titles = chosen.map((index) => columns[index] ?? '');
  const body = ordered.map((row) => chosen.map((index) => row[index] ?? null));
  switch (options.format) {
    case 'csv':
      for (const line of [titles, ...body]) stdout.write(csvLine(line, options.quote));
      return;
    case 'json': {
      const items = body.map((row) => new JsonObject(paired(titles, row)));
      stdout.write(`${jsonText(items, !options.noindent)}\n`);
      return;
    }
    case 'shell':
      throw new CommandError('a list has no shell form', 2);
    case 'table': {
      const alignment = titles.map((_, at) => (isNumber(body[0]?.[at]) ? 'right' : 'left'));
      stdout.write(await table(stdout, { titles, body, alignment, least: 8 }, options));
      return;
    }
    case 'value':
      for (const row of body) stdout.write(`${row.map(cellText).join(' ')}\n`);
      return;
    case 'yaml':
      stdout.write(yamlText(body.map((row) => Object.fromEntries(paired(titles, row)))));
      return;
    default:
      options.format satisfies never;
  }
}

/** Prints the fields of one thing as the openstack client does. Throws CommandError when none of those asked for exists. */
export async function printShow(
  { stdout }: Streams,
  fields: readonly (readonly [string, Cell])[],
  options: OutputOptions,
): Promise<void> {
  const names = fields.map(([name]) => name);
  const chosen = chosenColumns(names, options).flatMap((index) => fields.slice(index, index + 1));
  switch (options.format) {
    case 'csv':
      throw new CommandError('one thing has no CSV form', 2);
    case 'json':
      stdout.write(`${jsonText(new JsonObject(chosen), !options.noindent)}\n`);
      return;
    case 'shell':
      for (const [name, cell] of chosen) stdout.write(shellLine(options.prefix, name, cell));
      return;
    case 'table': {
      const content = { titles: ['Field', 'Value'], body: chosen, alignment: ['left', 'left'] as const, least: 16 };
      stdout.write(await table(stdout, content, { ...options, printEmpty: false }));
      return;
    }
    case 'value':
      for (const [, cell] of chosen) stdout.write(`${cellText(cell)}\n`);
      return;
    case 'yaml':
      for (const [name, cell] of chosen) stdout.write(yamlText({ [name]: cell }));
      return;
    default:
      options.format satisfies never;
  }
}

/** The places of the columns asked for, in the order in which they were asked for; all of them when none was. */
function chosenColumns(columns: readonly string[], { columns: wanted }: OutputOptions): number[] {
  if (wanted.length === 0) return [...columns.keys()];
  const chosen = [...new Set(wanted)].map((name) => columns.indexOf(name)).filter((index) => index >= 0);
  if (chosen.length > 0) return chosen;
  throw new CommandError(`No recognized column names in ${repr(wanted)}. Recognized columns are ${repr(columns)}.`);
}

/** Sorts by the last column named first, so that the first one counts most; what does not compare stays as it is. */
function sorted(
  stderr: Terminal,
  columns: readonly string[],
  rows: readonly Row[],
  { sortColumns, descending }: OutputOptions,
): readonly Row[] {
  return sortColumns.toReversed().reduce((current, name) => {
    const column = columns.indexOf(name);
    const next = column < 0 ? current : sortedRows(current, column, descending);
    if (next === undefined) stderr.write(`Could not sort on field '${name}'; unsortable types\n`);
    return next ?? current;
  }, rows);
}

function paired(titles: readonly string[], row: Row): (readonly [string, Cell])[] {
  return titles.map((title, at) => [title, row[at] ?? null] as const);
}

function isNumber(cell: Cell | undefined): boolean {
  return typeof cell === 'number' || cell instanceof Float;
}

interface TableContent {
  readonly titles: readonly string[];
  readonly body: readonly Row[];
  readonly alignment: readonly ('left' | 'right')[];
  /** No column becomes narrower than this by fitting. */
  readonly least: number;
}

/** cliff's frame. */
const frame = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};
const plainStyle = { head: [], border: [], compact: true, 'padding-left': 1, 'padding-right': 1 };

/** The time that the grid needs grows with the square of its rows, so it is drawn in pieces. */
const rowsAtOnce = 100;

async function table(stdout: Terminal, content: TableContent, options: OutputOptions): Promise<string> {
  const { titles, body, alignment, least } = content;
  if (body.length === 0 && !options.printEmpty) return '\n';
  const { default: Grid } = await import('cli-table3');
  const measured = new Map<string, number>();
  const measure = (text: string): number => {
    if (/^[ -~]*$/.test(text)) return text.length;
    const known = measured.get(text);
    if (known !== undefined) return known;
    const grid = new Grid({ chars: frame, style: plainStyle });
    grid.push([text]);
    const width = (grid.toString().split('\n')[0] ?? '').length - 4;
    measured.set(text, width);
    return width;
  };

  const cells = body.map((row) => row.map(tableLines));
  const needed = titles.map((title, at) => widest([title, ...cells.flatMap((row) => row[at] ?? [])], measure));
  const limits = columnLimits(needed, roomFor(stdout, options), least);
  const widths = titles.map((title, at) => Math.max(measure(title), Math.min(needed[at] ?? 0, limits[at] ?? 0)));
  const wrapped = cells.map((row) =>
    row.map((lines, at) =>
      lines
        .flatMap((line) => (measure(line) > (widths[at] ?? 0) ? wrapText(line, widths[at] ?? 0, measure) : [line]))
        .join('\n'),
    ),
  );

  const draw = (rows: readonly string[][]): string[] => {
    const colWidths = widths.map((width) => width + 2);
    const grid = new Grid({ head: [...titles], chars: frame, style: plainStyle, colAligns: [...alignment], colWidths });
    grid.push(...rows);
    return grid.toString().split('\n');
  };
  const rule = draw([]).slice(-1);
  const lines = draw([]);
  for (let start = 0; start < wrapped.length; start += rowsAtOnce) {
    lines.push(...draw(wrapped.slice(start, start + rowsAtOnce)).slice(3, -1));
  }
  return `${[...lines, ...rule].join('\n')}\n`;
}

/** A cell's lines. A return without a line end is a blank, as cliff has it. */
function tableLines(cell: Cell): string[] {
  const text = typeof cell === 'string' ? cell.replaceAll('\r\n', '\n').replaceAll('\r', ' ') : cell;
  return cellText(text).split('\n');
}

function widest(texts: readonly string[], measure: (text: string) => number): number {
  return texts.reduce((width, text) => Math.max(width, measure(text)), 0);
}

function roomFor({ isTTY, columns }: Terminal, { maxWidth, fitWidth }: OutputOptions): number {
  if (maxWidth > 0) return maxWidth;
  return fitWidth && isTTY === true && columns !== undefined ? columns : Number.POSITIVE_INFINITY;
}
