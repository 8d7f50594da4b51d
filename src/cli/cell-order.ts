import { Float } from '../base/python-float.ts';
import type { Cell } from './cells.ts';

/** Rows in the order of one column, as Python sorts it, empty cells last; undefined where its values do not compare. */
export function sortedRows(
  rows: readonly (readonly Cell[])[],
  column: number,
  descending: boolean,
): readonly (readonly Cell[])[] | undefined {
  let comparable = true;
  const order = (a: Cell, b: Cell): number => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const [left, right] = [plain(a), plain(b)];
    if (typeof left === 'number' && typeof right === 'number') return left - right;
    if (typeof left === 'string' && typeof right === 'string') {
      return Buffer.compare(Buffer.from(left), Buffer.from(right));
    }
    comparable = false;
    return 0;
  };
  const sorted = rows.toSorted((a, b) => {
    const difference = order(a[column] ?? null, b[column] ?? null);
    return descending ? -difference : difference;
  });
  return comparable ? sorted : undefined;
}

function plain(cell: Cell): unknown {
  if (cell instanceof Float) return cell.value;
  return typeof cell === 'boolean' ? Number(cell) : cell;
}
