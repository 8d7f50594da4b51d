import { startCinderBase } from '../support/whole-cinder.ts';
import { type Figures, measure } from './figures.ts';
import { Shares, sides } from './side.ts';

// `make bench-peer`: Debian's cinder-volume and this daemon in turn on the same broker, database and shares, and the ratios.

const release = process.argv[2] === '4' ? '4' : '3';
const base = await startCinderBase({ broker: release, database: 'mariadb' });
const shares = new Shares(base.folder);
const results: Figures[] = [];
try {
  for (const side of sides) {
    results.push(await measure(side, base, shares, (line) => process.stderr.write(`${line}\n`)));
  }
} finally {
  shares.unmount();
  await base[Symbol.asyncDispose]();
}
const [theirs = new Map<string, number>(), ours = new Map<string, number>()] = results;
process.stdout.write(`${'what'.padEnd(62)}${sides.map((side) => side.padStart(16)).join('')}${'ratio'.padStart(10)}\n`);
for (const [name, value] of theirs) {
  const own = ours.get(name) ?? Number.NaN;
  const ratio = name.includes('per second') || name.includes('calls/s') ? own / value : value / own;
  const cells = [value, own].map((each) => each.toFixed(each < 10 ? 2 : 0).padStart(16)).join('');
  process.stdout.write(`${name.padEnd(62)}${cells}${`${ratio.toFixed(1)} x`.padStart(10)}\n`);
}
process.stdout.write(`RabbitMQ ${release}.x, MariaDB, Node ${process.version}\n`);
