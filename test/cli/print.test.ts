import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Float } from '../../src/base/python-float.ts';
import type { Cell } from '../../src/cli/cells.ts';
import { CommandError } from '../../src/cli/command.ts';
import type { OutputOptions } from '../../src/cli/output-options.ts';
import { printList, printShow } from '../../src/cli/print.ts';
import { repository } from '../support/repository.ts';
import { FakeTerminal, someOutput } from '../support/terminal.ts';

// The files of test/cli/golden were written by cliff 4.0.0 with prettytable 3.6.0 and PyYAML 6.0 from this list.
const columns = ['ID', 'Name', 'Status', 'Size', 'Ratio', 'Bootable', 'Attached to', 'Properties'];
const second: Cell[] = [
  '0e7c3f0a-64a3-4d7c-9d1c-6a3b5f1d2c11',
  'say "hi", it\'s\nme',
  'in-use',
  1024,
  null,
  true,
  [{ server_id: 'a' }],
  { k: 'v', n: null },
];
const first: Cell[] = ['573e024d-5235-49ce-8332-be1576d323f8', 'demo', 'available', 1, new Float(20), false, [], {}];
const third: Cell[] = ['91c2b7aa-0000-4000-8000-000000000001', null, 'error', 0, new Float(0.5), false, [], { é: '1' }];
const rows = [first, second, third];
const wide: Cell[][] = [
  ['1', 'ボリューム テスト', '中'],
  ['2', 'é😀', 'plain'],
];

const formats = ['table', 'json', 'csv', 'yaml', 'value'] as const;
const golden: Record<string, () => Promise<string>> = {
  ...Object.fromEntries(formats.map((format) => [`list.${format}`, () => listed(columns, rows, { format })])),
  ...Object.fromEntries(formats.map((format) => [`empty.${format}`, () => listed(columns, [], { format })])),
  'wide.table': () => listed(['ID', 'Name', 'Note'], wide),
  'empty.print-empty': () => listed(columns, [], { printEmpty: true }),
  'list.max-width': () => listed(columns, rows, { maxWidth: 100 }),
  'list.narrow': () => listed(columns, rows, { maxWidth: 40 }),
  'list.noindent': () => listed(columns, rows, { format: 'json', noindent: true }),
  'list.quote-all': () => listed(columns, rows, { format: 'csv', quote: 'all' }),
  'list.quote-minimal': () => listed(columns, rows, { format: 'csv', quote: 'minimal' }),
  'list.quote-none': () => listed(columns, rows, { format: 'csv', quote: 'none' }),
  ...Object.fromEntries(
    (['table', 'json', 'yaml', 'value', 'shell'] as const).map((format) => [
      `show.${format}`,
      () => shown(columns, second, { format }),
    ]),
  ),
  'show.max-width': () => shown(columns, second, { maxWidth: 45 }),
  'show.prefix': () => shown(columns, first, { format: 'shell', prefix: 'os_' }),
};

for (const [name, print] of Object.entries(golden)) {
  test(`prints ${name} as cliff does, to the byte [ecosystem 3.2]`, async () => {
    const expected = readFileSync(join(repository, `test/cli/golden/${name}.txt`), 'utf8');

    assert.equal(await print(), expected);
  });
}

test('every golden file has its test [ecosystem 3.2]', () => {
  const files = readdirSync(join(repository, 'test/cli/golden')).map((file) => file.replace(/\.txt$/, ''));

  assert.deepEqual(files.sort(), Object.keys(golden).sort());
});

test('columns are chosen, in the order in which they are named [ecosystem 3.2]', async () => {
  const options = { format: 'value', columns: ['Size', 'Name', 'nosuch', 'Size'] } as const;

  assert.equal(await listed(columns, [first], options), '1 demo\n');
  assert.equal(await shown(columns, first, { ...options, format: 'shell' }), 'size="1"\nname="demo"\n');
  await assert.rejects(
    listed(['ID', 'Name'], [], { columns: ['id'] }),
    (error: unknown) =>
      error instanceof CommandError &&
      error.exitCode === 1 &&
      error.message === "No recognized column names in ['id']. Recognized columns are ['ID', 'Name'].",
  );
});

test('the alignment of a column follows its first row, that of the chosen ones [ecosystem 3.2]', async () => {
  const cells = [
    [null, 1, 'x'],
    [2, 'text', 3],
  ];

  assert.equal(
    await listed(['A', 'Long', 'C'], cells),
    '+------+------+---+\n| A    | Long | C |\n+------+------+---+\n| None |    1 | x |\n| 2    | text | 3 |\n+------+------+---+\n',
  );
});

test('rows are sorted by several columns, empty cells last, and otherwise stay in their order [ecosystem 3.2]', async () => {
  const cells = [
    ['b', 2, 'x'],
    ['a', null, 'y'],
    ['b', 1, 'z'],
    ['a', 10, 'w'],
  ];
  const order = async (more: Partial<OutputOptions>) =>
    (await listed(['Name', 'Size', 'Id'], cells, { format: 'value', columns: ['Id'], ...more })).replaceAll('\n', '');

  assert.equal(await order({ sortColumns: ['Name', 'Size'] }), 'wyzx');
  assert.equal(await order({ sortColumns: ['Name', 'Size'], descending: true }), 'xzyw');
  assert.equal(await order({ sortColumns: ['nosuch', 'Name'] }), 'ywxz');
});

test('what does not compare is told and stays as it is [ecosystem 3.2]', async () => {
  const [stdout, stderr] = [new FakeTerminal(), new FakeTerminal()];

  await printList({ stdout, stderr }, ['A'], [['x'], [1]], someOutput({ format: 'value', sortColumns: ['A'] }));

  assert.equal(stdout.text, 'x\n1\n');
  assert.equal(stderr.text, "Could not sort on field 'A'; unsortable types\n");
});

test('no control character of a value reaches the terminal [ecosystem 3.2]', async () => {
  const evil = '\x1b[2J\u009b1m\u202etext\t\x07\x7f\0 \r end';

  for (const format of ['table', 'csv', 'value', 'json', 'yaml'] as const) {
    assert.doesNotMatch(await listed(['A'], [[evil]], { format }), /[^\n -~]/);
  }
  assert.doesNotMatch(await shown(['A'], [evil], { format: 'shell' }), /[^\n -~]/);
  assert.match(await listed(['A'], [[evil]]), /\| \\x1b\[2J\\x9b1m\\u202etext\\t\\x07\\x7f\\x00 {3}end \|/);
});

test('what a shell would run is text in its form', async () => {
  assert.equal(
    await shown(['na-me:x y'], ['$(reboot) `x` "q" C:\\new \\'], { format: 'shell' }),
    'na_me_x_y="\\$(reboot) \\`x\\` \\"q\\" C:\\new \\\\"\n',
  );
});

test('a table is fitted into the terminal only, and a wide text is never cut [ecosystem 3.2]', async () => {
  const cells = [['ボリューム テスト'.repeat(3)]];
  const fitted = (columns?: number) => listed(['Name'], cells, { fitWidth: true }, columns);

  assert.equal((await fitted()).split('\n').length, 6);
  const narrow = await fitted(24);
  assert.equal(narrow.replaceAll(/[|+\s-]|Name/g, ''), 'ボリュームテスト'.repeat(3));
  for (const line of narrow.trimEnd().split('\n')) assert.ok(line.length <= 24);
});

test('a long list is one table', async () => {
  const cells = Array.from({ length: 350 }, (_, index) => [index, 'x'.repeat(index % 20)]);

  const lines = (await listed(['N', 'Text'], cells)).trimEnd().split('\n');

  assert.equal(lines.length, 354);
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
  assert.deepEqual(lines.filter((line) => line.startsWith('+')).length, 3);
});

async function listed(
  titles: readonly string[],
  cells: readonly (readonly Cell[])[],
  options: Partial<OutputOptions> = {},
  width?: number,
): Promise<string> {
  const stdout = new FakeTerminal(width);
  await printList({ stdout, stderr: new FakeTerminal() }, titles, cells, someOutput(options));
  return stdout.text;
}

async function shown(
  names: readonly string[],
  cells: readonly Cell[],
  options: Partial<OutputOptions>,
): Promise<string> {
  const stdout = new FakeTerminal();
  const fields = names.map((name, at) => [name, cells[at] ?? null] as const);
  await printShow({ stdout, stderr: new FakeTerminal() }, fields, someOutput(options));
  return stdout.text;
}
