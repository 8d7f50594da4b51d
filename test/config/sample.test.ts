import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sampleText } from '../../src/config/sample.ts';
import { bool, choice, float, int, list, multi, str } from '../../src/interface/options.ts';
import { schema as daemonSchema } from '../../src/service/schema.ts';
import { configurationOf } from '../support/configuration.ts';
import { repository } from '../support/repository.ts';

const defaults = {
  group: 'DEFAULT',
  options: {
    zone: choice(['nova', 'other'], 'nova', 'Where the node stands.'),
    debug: bool(true, 'More lines in the log.', { mutable: true }),
    host: str(undefined, 'Who we are.', { was: ['node', 'service.name'] }),
    prefix: str(' [x] ', 'A text with blanks at its ends.'),
    not_ours: str('x', 'Of another service.', { ignored: true }),
  },
};
const other = {
  group: 'another',
  options: {
    names: list(
      ['a', 'b'],
      'Names of things that somebody may want to name, and so many words about them that a line ends.',
    ),
    ratio: float(20, 'A ratio.', { min: 1 }),
    backdoor: int(3, 'A door.', { removal: 'nobody uses it', max: 5 }),
    modules: multi(['one', 'two'], 'Modules.'),
    nothing: multi([], 'Nothing yet.'),
  },
};
const schema = { groups: [other, defaults], backend: [{ volumes_dir: str('$state_path/volumes', 'A folder.') }] };

test('the sample has every option that is heeded, with help, limits, older names and default', () => {
  assert.equal(
    sampleText(schema).replace(/^[\s\S]*?\n\n/, ''),
    `[DEFAULT]

# More lines in the log. (boolean value)
# Note: This option can be changed without restarting.
#debug = true

# Who we are. (string value)
# Deprecated group/name - [DEFAULT]/node
# Deprecated group/name - [service]/name
#host = <None>

# A text with blanks at its ends. (string value)
#prefix = " [x] "

# Where the node stands. (string value)
# Possible values: nova, other
#zone = nova

[another]

# A door. (integer value)
# Maximum value: 5
# This option is deprecated for removal: nobody uses it
#backdoor = 3

# Modules. (multi valued)
#modules = one
#modules = two

# Names of things that somebody may want to name, and so many words about them
# that a line ends. (list value)
#names = a,b

# Nothing yet. (multi valued)
#nothing =

# A ratio. (floating point value)
# Minimum value: 1
#ratio = 20.0

[backend_defaults]

# A folder. (string value)
#volumes_dir = $state_path/volumes
`,
  );
});

test('the same tables give the same bytes, in whatever order they come', () => {
  const turned = { ...schema, groups: schema.groups.toReversed() };

  assert.equal(sampleText(turned), sampleText(schema));
});

test('the sample is a configuration, and with its lines enabled it says what the defaults say', (t) => {
  const enabled = sampleText(schema)
    .replace(/^#(\w+ =.*)$/gm, '$1')
    .replace(/^\w+ = <None>$/gm, '')
    .replace(/^(\w+ =)$/gm, '');

  const configuration = configurationOf(t, enabled, schema);

  assert.deepEqual(configuration.problems, []);
  assert.deepEqual(configuration.values(other), configurationOf(t, '', schema).values(other));
  assert.deepEqual(configuration.values(defaults), configurationOf(t, '', schema).values(defaults));
});

test('the sample in the repository is what the option tables say now: `make sample` writes it', () => {
  const committed = readFileSync(join(repository, 'etc/cinder/cinder.conf.sample'), 'utf8');

  assert.equal(committed, sampleText(daemonSchema), 'run `make sample` and commit the file');
});
