import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { format } from 'node:util';
import { type Logger, silent } from '../../src/base/log.ts';
import { type Changes, compareConfigurations, logChanges } from '../../src/config/compare.ts';
import { load } from '../../src/config/load.ts';
import { rereadSources } from '../../src/config/sources.ts';
import { bool, int, list, str } from '../../src/interface/options.ts';
import { sourcesOf } from '../support/configuration.ts';

const schema = {
  groups: [
    {
      group: 'DEFAULT',
      options: {
        debug: bool(false, '', { mutable: true }),
        enabled_backends: list([], '', { mutable: true }),
        host: str('h', ''),
        state_path: str('/s', ''),
        report_interval: int(10, '', { mutable: true }),
      },
    },
    { group: 'database', options: { connection: str('', '', { secret: true }) } },
  ],
  backend: [
    { volume_clear: str('zero', ''), volumes: str('$state_path/v', ''), chap_password: str('', '', { secret: true }) },
  ],
};

function reload(t: TestContext, before: string, after: string): Changes {
  const sources = sourcesOf(t, before);
  writeFileSync(sources.files[0]?.path ?? '', after);
  const driverOptions = () => ({ rbd_pool: str('rbd', '') });
  return compareConfigurations(load(sources, schema), load(rereadSources(sources), schema), driverOptions);
}

test('a change names group, option, both values and whether it may take effect [C-080, C-081, L-162]', (t) => {
  const before = '[DEFAULT]\ndebug = false\nhost = a\n[database]\nconnection = x\n';
  const after = '[DEFAULT]\ndebug = true\nhost = b\nreport_interval = 10\n[database]\nconnection = y\n';

  assert.deepEqual(reload(t, before, after).options, [
    { group: 'DEFAULT', option: 'debug', from: 'False', to: 'True', mutable: true },
    { group: 'DEFAULT', option: 'host', from: 'a', to: 'b', mutable: false },
    { group: 'database', option: 'connection', from: '***', to: '***', mutable: false },
  ]);
});

test('backends come, go and change; the others are left alone [L-167, C-081]', (t) => {
  const before =
    '[DEFAULT]\nenabled_backends = a,b,c\n[a]\n[b]\nvolume_clear = zero\nrbd_pool = p\nchap_password = 1\n[c]\n';
  const after =
    '[DEFAULT]\nenabled_backends = d,b,a\n[a]\n[b]\nvolume_clear = none\nsan_ip = x\nchap_password = 2\n[d]\n';

  const { options, ...backends } = reload(t, before, after);

  assert.deepEqual(
    options.map(({ option, from, to }) => [option, from, to]),
    [['enabled_backends', "['a', 'b', 'c']", "['d', 'b', 'a']"]],
  );
  const change = (option: string, from: string, to: string) => ({ group: 'b', option, from, to, mutable: true });
  assert.deepEqual(backends, {
    added: ['d'],
    removed: ['c'],
    changed: [
      {
        name: 'b',
        options: [
          change('chap_password', '***', '***'),
          change('rbd_pool', 'p', 'rbd'),
          change('san_ip', 'None', 'x'),
          change('volume_clear', 'zero', 'none'),
        ],
      },
    ],
  });
});

test('backend_defaults change the backends that do not say otherwise [C-070, L-167]', (t) => {
  const text = '[DEFAULT]\nenabled_backends = a,b\n[a]\n[b]\nvolume_clear = zero\n[backend_defaults]\nvolume_clear = ';

  const { changed, options } = reload(t, `${text}zero\n`, `${text}none\n`);

  assert.deepEqual(
    changed.map(({ name }) => name),
    ['a'],
  );
  assert.deepEqual(options, []);
});

test('the same configuration, written otherwise, is no change [L-161]', (t) => {
  const before = '[DEFAULT]\nenabled_backends = a, b\ndebug = on\n[a]\nvolume_clear = zero\n[b]\n';
  const after = '# new\n[b]\n[a]\n[DEFAULT]\nenabled_backends: a,b\ndebug = "True"\nnosuch = 1\n';

  assert.deepEqual(reload(t, before, after), { options: [], added: [], removed: [], changed: [] });
});

test('a backend that breaks or loses its section has changed [L-074, L-104]', (t) => {
  const before = '[DEFAULT]\nenabled_backends = a,b\n[a]\n[b]\n';
  const after = '[DEFAULT]\nenabled_backends = a,b\n[a]\nvolumes = $nosuch\n';

  const { changed } = reload(t, before, after);

  assert.deepEqual(changed, [
    {
      name: 'a',
      options: [
        {
          group: 'a',
          option: 'volumes',
          from: '/s/v',
          to: '<invalid: unknown reference $nosuch; a literal $ is written as $$>',
          mutable: true,
        },
      ],
    },
    { name: 'b', options: [] },
  ]);
});

test('the log has upstream’s two lines [L-162]', () => {
  const lines: string[] = [];
  const logger: Logger = {
    ...silent,
    info: (template, ...values) => lines.push(`INFO ${format(template, ...values)}`),
    warning: (template, ...values) => lines.push(`WARNING ${format(template, ...values)}`),
  };

  logChanges(
    [
      { group: 'DEFAULT', option: 'debug', from: 'False', to: 'True', mutable: true },
      { group: 'DEFAULT', option: 'host', from: 'a', to: 'b', mutable: false },
    ],
    logger,
  );

  assert.deepEqual(lines, [
    'INFO Option DEFAULT.debug changed from [False] to [True]',
    'WARNING Ignoring change to immutable option DEFAULT.host',
  ]);
});
