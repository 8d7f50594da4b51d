import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CommandResult, fakeBackend, program, runProgram } from '../support/daemon.ts';
import { aFolder } from '../support/folder.ts';

/** A row of lifecycle.md §19: how it is started, the exit status, and what its one line on stderr says. */
interface Row {
  readonly what: string;
  readonly words?: readonly string[];
  readonly file?: string;
  readonly code: number;
  readonly says: RegExp;
  /** It goes to the log, which is the standard output here. */
  readonly logged?: boolean;
  /** As `cinder-volume`. */
  readonly old?: boolean;
}

const section = (name: string, options: Readonly<Record<string, unknown>>): string =>
  `[${name}]\n${Object.entries(options)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('')}`;
const fine = `${section('DEFAULT', { enabled_backends: 'one', transport_url: 'embedded://' })}${section('one', fakeBackend())}`;

const rows: readonly Row[] = [
  { what: 'a wrong option', words: ['--nosuch'], code: 2, says: /^cinder-volume: error: .*nosuch/m, old: true },
  {
    what: 'an option without its argument',
    words: ['--config-file'],
    code: 2,
    says: /^cinder-volume: error: .*config-file/m,
    old: true,
  },
  { what: 'a positional argument', words: ['nosuch'], code: 2, says: /^cinder-volume: error: .*nosuch/m, old: true },
  { what: 'an unknown command', words: ['nosuch'], code: 2, says: /nosuch/ },
  {
    what: 'a missing file',
    words: ['--config-file', '/nonexistent/x.conf'],
    code: 1,
    says: /^Failed to find some config files: \/nonexistent\/x\.conf\n$/,
  },
  {
    what: 'a missing folder',
    words: ['--config-dir', '/nonexistent'],
    code: 1,
    says: /^Failed to read config file directory: \/nonexistent\n$/,
  },
  {
    what: 'a line that is none',
    file: '[DEFAULT]\nnonsense\n',
    code: 1,
    says: /^Failed to parse \S+: at \S+:2, .*'nonsense'\n$/,
  },
  {
    what: 'a wrong boolean of an option that the command line has as well',
    file: '[DEFAULT]\ndebug = notabool\n',
    code: 1,
    says: /^.*debug.*notabool.*\n$/,
  },
  {
    what: 'a wrong number',
    file: '[DEFAULT]\nreport_interval = soon\n',
    code: 1,
    says: /^.*report_interval.*soon.*\n$/,
  },
  {
    what: 'a log file that cannot be',
    words: ['--log-file', '/nonexistent/x.log'],
    file: fine,
    code: 1,
    says: /^.*\/nonexistent\/x\.log.*\n$/,
  },
  {
    what: 'no backend',
    logged: true,
    file: '[DEFAULT]\ndebug = false\n',
    code: 1,
    says: /ERROR cinder\.cmd\.volume .*\] Configuration for cinder-volume does not specify "enabled_backends"\. Using DEFAULT section to configure drivers is not supported since Ocata\.\n$/,
  },
  {
    what: 'a check that finds something',
    words: ['--check-config'],
    file: '[DEFAULT]\nenabled_backends = x\n',
    code: 1,
    says: /^/,
  },
  { what: 'a check that finds nothing', words: ['--check-config'], file: fine, code: 0, says: /^$/ },
  { what: 'help', words: ['--help'], code: 0, says: /^$/ },
  { what: 'the version', words: ['--version'], code: 0, says: /^$/, old: true },
  { what: 'status without a daemon', words: ['status'], file: fine, code: 2, says: /no daemon answers|NoDaemon/ },
];

test('every wrong start has its status and one line [A15, L-004, L-005, L-006, L-007, L-010, L-023, L-034]', async (t) => {
  const folder = aFolder(t);
  const old = join(folder, 'cinder-volume');
  symlinkSync(program, old);
  const run = ({ words = [], file, old: isOld }: Row, index: number): Promise<CommandResult> => {
    const conf = join(folder, `${index}.conf`);
    if (file !== undefined)
      writeFileSync(conf, `${file}${section('volume_daemon', { admin_socket: join(folder, `${index}.sock`) })}`);
    const files = file === undefined ? [] : ['--config-file', conf];
    return runProgram([...words, ...files], {}, { cwd: folder, ...(isOld && { file: old }) }).result;
  };

  for (let index = 0; index < rows.length; index += 4) {
    const some = rows.slice(index, index + 4);
    const results = await Promise.all(some.map((row, place) => run(row, index + place)));
    for (const [place, row] of some.entries()) {
      const { code, stdout = '', stderr = '' } = results[place] ?? { code: null };
      assert.equal(code, row.code, `${row.what}: ${stderr}`);
      assert.match(row.logged === true ? stdout : stderr, row.says, row.what);
      assert.ok(!/^\s+at .*:\d+:\d+/m.test(stderr), `${row.what}: no stack`);
    }
  }
});
