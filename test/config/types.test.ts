import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotValid } from '../../src/config/problems.ts';
import { convert } from '../../src/config/types.ts';
import { capacityOptions } from '../../src/interface/capacity-options.ts';
import {
  bool,
  choice,
  float,
  host,
  int,
  list,
  multi,
  multiDict,
  type Option,
  port,
  str,
} from '../../src/interface/options.ts';

/** Texts of an option and the value they have, or what is wrong with them. */
type Rows = readonly (readonly [text: string, outcome: unknown | { wrong: string }])[];

const wrong = (reason: string): { wrong: string } => ({ wrong: reason });

function check(option: Option<unknown>, rows: Rows): void {
  for (const [text, outcome] of rows) {
    let actual: unknown;
    try {
      actual = convert(option, [text]);
    } catch (error) {
      assert.ok(error instanceof NotValid);
      actual = wrong(error.message);
    }
    assert.deepEqual(actual, outcome, JSON.stringify(text));
  }
}

test('a bool is one of eight words in any case, without blanks, and never empty [C-032, config 4]', () => {
  check(bool(false, ''), [
    ['TRUE', true],
    ['1', true],
    ['On', true],
    ['yes', true],
    ['false', false],
    ['0', false],
    ['OFF', false],
    ['no', false],
    ['', wrong("Unexpected boolean value ''")],
    [' true', wrong("Unexpected boolean value ' true'")],
    ['constructor', wrong("Unexpected boolean value 'constructor'")],
  ]);
});

test('an int is decimal, may have signs, blanks and underscores, and is none when empty [C-032, config 4]', () => {
  check(int(undefined, '', { min: -5, max: 1000 }), [
    ['', undefined],
    [' \t ', undefined],
    [' +10 ', 10],
    ['1_0', 10],
    ['-5', -5],
    ['007', 7],
    ['-6', wrong('Should be greater than or equal to -5')],
    ['1001', wrong('Should be less than or equal to 1000')],
    ['1__0', wrong("invalid literal for int() with base 10: '1__0'")],
    ['1e2', wrong("invalid literal for int() with base 10: '1e2'")],
    ["it's", wrong('invalid literal for int() with base 10: "it\'s"')],
  ]);
  check(int(undefined, ''), [['99999999999999999999', wrong('Should be less than or equal to 9007199254740991')]]);
});

test('a port is 0 to 65535 [config 4]', () => {
  check(port(1, ''), [
    ['0', 0],
    ['65535', 65535],
    ['65536', wrong('Should be less than or equal to 65535')],
    ['-1', wrong('Should be greater than or equal to 0')],
  ]);
});

test('a float is what Python takes for one [config 4]', () => {
  check(float(undefined, '', { min: 0, max: 4.5 }), [
    ['', undefined],
    ['.5', 0.5],
    ['4.', 4],
    ['1_0e-1', 1],
    ['nan', Number.NaN],
    ['-INF', wrong('Should be greater than or equal to 0')],
    ['infinity', wrong('Should be less than or equal to 4.5')],
    ['5', wrong('Should be less than or equal to 4.5')],
    ['x', wrong("could not convert string to float: 'x'")],
    ['.', wrong("could not convert string to float: '.'")],
  ]);
});

test('a text that must look like something says what [config 4]', () => {
  check(capacityOptions.max_over_subscription_ratio, [
    ['20.0', '20.0'],
    ['.5', '.5'],
    ['3', '3'],
    ['auto', 'auto'],
    ['banana', wrong(String.raw`Value 'banana' doesn't match regex '^(auto|\\d*\\.\\d+|\\d+)$'`)],
    ['', wrong(String.raw`Value '' doesn't match regex '^(auto|\\d*\\.\\d+|\\d+)$'`)],
  ]);
});

test('a text may have a length, and choices by their case or not [config 4]', () => {
  check(str(undefined, '', { maxLength: 3 }), [
    ['abc', 'abc'],
    ['abcd', wrong("Value 'abcd' exceeds maximum length 3")],
  ]);
  check(choice(['Days', 'none'], undefined, ''), [
    ['Days', 'Days'],
    ['days', wrong("Valid values are [Days, none], but found 'days'")],
  ]);
  check(choice(['Days', 'none'], undefined, '', { anyCase: true }), [['days', 'Days']]);
});

test('a list is split at every comma; inner empty items stay, those at the end do not [config 4]', () => {
  check(list([], ''), [
    ['', []],
    [' ', []],
    ['a,,b', ['a', '', 'b']],
    ['a, b ,\nc', ['a', 'b', 'c']],
    ['a,b,,', ['a', 'b']],
    ['"a,b",c', ['"a', 'b"', 'c']],
  ]);
});

test('a dictionary is pairs, split at the first colon [config 4]', () => {
  check({ kind: 'dict', preset: undefined, help: '' }, [
    ['', {}],
    [' a : 1 , b:x:y ', { a: '1', b: 'x:y' }],
    ['__proto__:1', JSON.parse('{"__proto__":"1"}')],
    ['a:1,b,c:2', { a: '1', 'b,c': '2' }],
    ['a', wrong('Value should be NAME:VALUE pairs separated by ","')],
    ['a:1,', wrong('Value should be NAME:VALUE pairs separated by ","')],
    ['a:1,a:2', wrong('Duplicate key a')],
    [':1', wrong('Key name should not be empty')],
  ]);
});

test('a host address is an address or a name without underscore [config 4]', () => {
  check(host(undefined, ''), [
    ['10.0.0.1', '10.0.0.1'],
    ['fe80::1', 'fe80::1'],
    ['node-1.example.org.', 'node-1.example.org'],
    ['10.0.0', wrong('10.0.0 is not a valid host address')],
    ['a_b', wrong('a_b is not a valid host address')],
    ['fe80::1%eth0', wrong('fe80::1%eth0 is not a valid host address')],
    ['-a', wrong('-a is not a valid host address')],
    ['', wrong(' is not a valid host address')],
  ]);
});

test('a multi-valued option has an item for each text [C-011, C-032]', () => {
  assert.deepEqual(convert(multi([], ''), ['a', 'b,c', '']), ['a', 'b,c', '']);
  assert.deepEqual(convert(multiDict(''), ['a:1', '']), [{ a: '1' }, {}]);
});

test('what comes out is frozen', () => {
  for (const option of [list([], ''), multi([], ''), multiDict('')]) {
    assert.ok(Object.isFrozen(convert(option, ['a:1'])));
  }
  assert.ok(Object.isFrozen(convert({ kind: 'dict', preset: undefined, help: '' }, ['a:1'])));
});
