import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { load } from '../../src/config/load.ts';
import { ConfigurationError } from '../../src/config/problems.ts';
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
  type OptionGroup,
  str,
} from '../../src/interface/options.ts';
import { sourcesOf } from '../support/configuration.ts';
import { repository } from '../support/repository.ts';

interface Outcome {
  readonly value?: unknown;
  readonly error?: string;
  readonly fatal?: string;
}

interface Case {
  readonly title: string;
  readonly text: string;
  readonly expect: readonly { group: string; option: string; type: string; oslo: Outcome }[];
}

const { cases } = JSON.parse(readFileSync(join(repository, 'test/config/cases.json'), 'utf8')) as { cases: Case[] };

const kinds: Readonly<Record<string, Option<unknown>>> = {
  str: str(undefined, ''),
  int: int(undefined, ''),
  intmin0: int(undefined, '', { min: 0 }),
  bool: bool(false, ''),
  float: float(undefined, ''),
  port: { kind: 'port', preset: undefined, help: '' },
  list: list([], ''),
  multi: multi([], ''),
  dict: { kind: 'dict', preset: undefined, help: '' },
  multidict: multiDict(''),
  choice: choice(['none', 'zero'], undefined, ''),
  depr: str(undefined, '', { was: ['logfile2'] }),
  hostaddr: host(undefined, ''),
};

/** Where ours is better on purpose, or says the same in clearer words. */
const ours: Readonly<Record<string, Outcome>> = {
  // C-007
  'UTF-8 BOM at the start': { value: 'a' },
  // C-027
  'key before any section': {
    fatal: 'ConfigFileParseError: Failed to parse FILE: at FILE:1, Section must be started before assignment: None',
  },
  // C-043
  'interpolation of unknown name': { error: 'is not valid: unknown reference $nosuch; a literal $ is written as $$' },
  // Upstream cannot register an option of this name; the text is there all the same.
  'key __proto__': { value: 'x' },
};

/** The rules that single rows are about, by words of their titles. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/inside value|inline comment|comment ';'/, 'C-021'],
  [/quote/, 'C-022'],
  [/continuation|indented section|indented comment/, 'C-023'],
  [/indented (first )?key/, 'C-024'],
  [/section case|key case/, 'C-025'],
  [/dash for underscore/, 'C-026'],
  [/before any section/, 'C-027'],
  [/CRLF|lone CR/, 'C-028'],
];

function ids(title: string): string {
  return ['C-090', 'C-093', ...rules.flatMap(([words, id]) => (words.test(title) ? [id] : []))].join(', ');
}

for (const entry of cases) {
  for (const expected of entry.expect) {
    const { group, option } = expected;
    const outcome = option === 'volume_group' ? expected.oslo : (ours[entry.title] ?? expected.oslo);

    test(`${entry.title}: [${group}] ${option} [${ids(entry.title)}]`, (t) => {
      const actual = readOne(t, entry, expected);

      if (outcome.fatal !== undefined) {
        assert.equal(actual.fatal, outcome.fatal.replace('ConfigFileParseError: ', ''));
      } else if (outcome.error !== undefined) {
        const reason = outcome.error.slice(outcome.error.indexOf('is not valid: '));
        assert.match(
          actual.error ?? '',
          new RegExp(`^Value for option ${group}\\.${option} from FILE:\\d+ is not valid: `),
        );
        assert.ok(actual.error?.endsWith(reason), `${actual.error} / ${reason}`);
      } else {
        assert.deepEqual(actual, { value: outcome.value });
      }
    });
  }
}

function readOne(t: TestContext, { text, expect }: Case, wanted: { group: string; option: string }): Outcome {
  const references: OptionGroup[] = ['DEFAULT.state_path', 'oslo_concurrency.lock_path'].map((place) => {
    const [group = '', name = ''] = place.split('.');
    return { group, options: { [name]: str(undefined, '') } };
  });
  const groups = expect.map(({ group, option, type }) => ({
    group,
    options: Object.fromEntries([[option, kinds[type] ?? str(undefined, '')]]),
  }));
  const anonymous = (message: string): string => message.replaceAll(/\/\S*cinder\.conf/g, 'FILE');
  try {
    const configuration = load(sourcesOf(t, text), { groups: [...references, ...groups], backend: [] });
    const asked = groups.find(({ group, options }) => group === wanted.group && Object.hasOwn(options, wanted.option));
    assert.ok(asked);
    try {
      const value = Object.entries(configuration.values(asked))[0]?.[1] ?? null;
      return { value };
    } catch (error) {
      assert.ok(error instanceof ConfigurationError);
      return { error: anonymous(error.problems[0]?.message ?? '') };
    }
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return { fatal: anonymous(error.problems[0]?.message ?? '') };
  }
}
