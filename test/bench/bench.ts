import { availableParallelism } from 'node:os';
import { commandRows } from './commands.ts';
import { copyRows } from './copy.ts';
import { idleRows } from './idle.ts';
import { largeRows } from './large.ts';
import { lifecycleRows } from './lifecycle.ts';
import { median, type Row } from './measure.ts';
import { throughputRows } from './throughput.ts';

// `make bench`: every figure that the project aims at, as a table of medians. Words on the command line choose groups.

const groups: Readonly<Record<string, () => AsyncGenerator<Row>>> = {
  commands: commandRows,
  lifecycle: lifecycleRows,
  idle: idleRows,
  throughput: throughputRows,
  large: largeRows,
  copy: copyRows,
};

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !Object.hasOwn(groups, name));
if (unknown !== undefined) {
  process.stderr.write(`bench: no group ${unknown}; there are ${Object.keys(groups).join(', ')}\n`);
  process.exit(2);
}

print(['what', 'aim', 'median', 'from', 'to', 'runs']);
for (const [name, rows] of Object.entries(groups)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for await (const { what, aim, unit, samples } of rows()) {
    const ordered = [...samples].sort((a, b) => a - b);
    const [least, most] = [ordered[0] ?? Number.NaN, ordered.at(-1) ?? Number.NaN];
    const shown = [median(samples), least, most].map((value) => `${round(value)} ${unit}`);
    print([what, aim, ...shown, String(samples.length)]);
  }
}
process.stdout.write(`Node ${process.version}, ${availableParallelism()} cores\n`);

function print(cells: readonly string[]): void {
  const widths = [58, 16, 14, 14, 14, 4];
  process.stdout.write(
    `${cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join(' ')
      .trimEnd()}\n`,
  );
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
