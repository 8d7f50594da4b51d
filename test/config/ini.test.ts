import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, constantFrom, assert as hold, oneof, property, string } from 'fast-check';
import { parseIni, strip } from '../../src/config/ini.ts';

/** Section, key and texts, flat and in order, as the reader of the tests below gives them. */
type Flat = [section: string, key: string, texts: string[]][];

test('keeps every assignment with its line, in order [C-091]', () => {
  const { sections } = parseIni('# top\n[b]\nx = 1\n[a]\ny: 2\n\n[b]\nx = 3\n  more\n1 = z\n');

  assert.deepEqual(sections, [
    {
      name: 'b',
      keys: [
        {
          name: 'x',
          assignments: [
            { line: 3, text: '1' },
            { line: 8, text: '3\nmore' },
          ],
        },
        { name: '1', assignments: [{ line: 10, text: 'z' }] },
      ],
    },
    { name: 'a', keys: [{ name: 'y', assignments: [{ line: 5, text: '2' }] }] },
  ]);
});

test('a section without assignments is there all the same [C-012]', () => {
  assert.deepEqual(parseIni('[lvm]\n').sections, [{ name: 'lvm', keys: [] }]);
});

test('tells every faulty line once, with upstream’s words [config 3.1, C-024, C-027]', () => {
  const text =
    "x = 1\n[a]\nno separator\n  and its continuation\n: v\ny = 1\n\n  stray\n  strays\n[b] # c\nz = 'it\n[]\n";

  assert.deepEqual(parseIni(text).faults, [
    { line: 1, reason: 'Section must be started before assignment: None' },
    { line: 3, reason: "No ':' or '=' found in assignment: 'no separator'" },
    { line: 5, reason: "Key cannot be empty: ': v'" },
    { line: 8, reason: "Unexpected continuation line: '  stray'" },
    { line: 10, reason: "Invalid section (must end with ]): '[b] # c'" },
    { line: 12, reason: "Empty section name: '[]'" },
  ]);
});

test('a comment ends a value, and a continuation behind it is a fault [C-024]', () => {
  assert.deepEqual(parseIni('[a]\nx = 1\n# c\n  2\n').faults, [
    { line: 4, reason: "Unexpected continuation line: '  2'" },
  ]);
});

test('what follows a broken header is no fault of its own [C-027]', () => {
  assert.deepEqual(parseIni('[DEFAULT\nhost = a\nx = 1\n').faults, [
    { line: 1, reason: "Invalid section (must end with ]): '[DEFAULT'" },
  ]);
});

test('a comment character in a value, or behind it, is text [C-021]', () => {
  assert.deepEqual(flat('[a]\nurl = rabbit://u:p#;q@h/\nn = 10 # s\nm = 10 ; s\n'), [
    ['a', 'url', ['rabbit://u:p#;q@h/']],
    ['a', 'n', ['10 # s']],
    ['a', 'm', ['10 ; s']],
  ]);
});

test('a continuation joins on a new line, as it stands, and quotes are those of the first line [C-023]', () => {
  assert.deepEqual(flat('[a]\nx = one\n  \t two # no comment\n  "three"\ny = "a"\n  "b"\nz = "a\n b"\n'), [
    ['a', 'x', ['one\ntwo # no comment\n"three"']],
    ['a', 'y', ['a\n"b"']],
    ['a', 'z', ['"a\nb"']],
  ]);
});

test('LF, CRLF and a lone CR each end a line [C-028]', () => {
  assert.deepEqual(flat('[a]\nx = 1\r\ny = 2\rz = 3\n'), [
    ['a', 'x', ['1']],
    ['a', 'y', ['2']],
    ['a', 'z', ['3']],
  ]);
});

test('white space is what Python takes for it [C-020, C-022]', () => {
  assert.equal(strip('\x1c\x85 a\u3000\xa0'), 'a');
  assert.equal(strip('\ufeffa'), '\ufeffa');
  assert.deepEqual(flat('[a]\nx =\xa0 y \x1f\n'), [['a', 'x', ['y']]]);
});

test('separators of lines that are none for Python stay inside a value [C-091]', () => {
  assert.deepEqual(flat('[a]\nx = a\u2028b\u2029c\vd\0e\n'), [['a', 'x', ['a\u2028b\u2029c\vd\0e']]]);
});

// Pieces that meet in real and hostile files; lines of them reach far more of the grammar than random text does.
const piece = oneof(
  constantFrom(
    '[',
    ']',
    '[DEFAULT]',
    '[a.b]',
    '[__proto__]',
    '=',
    ':',
    ' ',
    '\t',
    '#',
    ';',
    '"',
    "'",
    '\\',
    '$x',
    '[]',
  ),
  constantFrom(
    'key',
    'a',
    '1',
    '__proto__',
    'constructor',
    'true',
    'null',
    '{"a":1}',
    '\u2028',
    '\xa0',
    '\x1c',
    'é',
    '😀',
    '%41',
  ),
  constantFrom('\n', '\n', '\r\n', '\r', '\n[DEFAULT]\n', '\nk = v\n', '\n  '),
  string({ maxLength: 3 }),
);
const text = array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

test('any text either parses or is refused with a line of it [C-093]', async () => {
  await hold(
    property(oneof(text, string({ unit: 'binary' })), (source) => {
      const { sections, faults } = parseIni(source);
      const lines = source.split(/\r\n|\n|\r/).length;

      assert.ok(faults.length === 0 || sections.length === 0);
      for (const { line, reason } of faults) assert.ok(line >= 1 && line <= lines && reason !== '');
      for (const { keys } of sections) {
        for (const { assignments } of keys) {
          assert.ok(assignments.length > 0);
          for (const { line } of assignments) assert.ok(line >= 1 && line <= lines);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('reads whatever a plain reader of the dialect reads, and the same [C-091, C-093]', async () => {
  await hold(
    property(text, (source) => {
      const expected = plainReader(source);
      const { faults } = parseIni(source);

      if (expected === undefined) assert.ok(faults.length > 0);
      else assert.deepEqual(flat(source), expected);
    }),
    { numRuns: 5000 },
  );
});

function flat(source: string): Flat {
  const { sections, faults } = parseIni(source);
  assert.deepEqual(faults, []);
  return sections.flatMap(({ name, keys }) =>
    keys.map((key): Flat[number] => [name, key.name, key.assignments.map((assignment) => assignment.text)]),
  );
}

/** The dialect, told a second time and without `ini`: undefined for what it refuses. */
function plainReader(source: string): Flat | undefined {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  let texts: string[] | undefined;
  for (const raw of source
    .replace(/^\ufeff/, '')
    .replace(/\r\n?/g, '\n')
    .split('\n')) {
    const line = strip(`|${raw}`).slice(1);
    if (line === '' || /^[#;]/.test(line)) {
      texts = undefined;
    } else if (/^[ \t]/.test(line)) {
      if (texts === undefined) return undefined;
      texts.push(`${texts.pop()}\n${strip(line)}`);
    } else if (line.startsWith('[')) {
      texts = undefined;
      const name = line.endsWith(']') ? line.slice(1, -1) : '';
      if (name === '') return undefined;
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
    } else {
      const [, key = '', value = ''] = /^([^:=]*)[:=]([\s\S]*)$/.exec(line) ?? [];
      if (strip(key) === '' || section === undefined) return undefined;
      texts = section.get(strip(key)) ?? [];
      section.set(strip(key), texts);
      texts.push(/^(["'])([\s\S]*)\1$/.exec(strip(value))?.[2] ?? (/^["']$/.test(strip(value)) ? '' : strip(value)));
    }
  }
  return [...sections].flatMap(([name, keys]) => [...keys].map(([key, all]): Flat[number] => [name, key, all]));
}
