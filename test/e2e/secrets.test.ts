import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isSecret } from '../../src/config/secrets.ts';
import type { OptionGroup } from '../../src/interface/options.ts';
import { schema } from '../../src/service/schema.ts';
import { aRunningDaemon, type Daemon, fileBackend, type Section } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

/** Every secret option of these groups with a word of its own, by group. Three are in use: with them nothing would start. */
function canaries(groups: readonly OptionGroup[], word: string): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  for (const { group, options } of groups) {
    for (const [name, option] of Object.entries(options)) {
      const text = ['str', 'list', 'multi'].includes(option.kind);
      if (!isSecret(name, option) || !text || ['transport_url', 'connection', 'backend_url'].includes(name)) continue;
      found[group] ??= {};
      found[group][name] = `${word}${Object.keys(found).length}x${Object.keys(found[group]).length}`;
    }
  }
  return found;
}

/** Every file that the daemon has written, but for the tables: there secrets belong. */
function written(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/cinder\.conf$|cinder\.sqlite/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size < 2 ** 24)
    .map((path) => `${path}\n${readFileSync(path, 'latin1')}`)
    .join('\n');
}

async function outputs(daemon: Daemon): Promise<string> {
  const texts: string[] = [];
  for (const words of [
    ['config', 'show', '--all', '--origin'],
    ['config', 'show', '--all', '--backend', 'file1', '-f', 'json'],
    ['config', 'check', '--debug', '--environment'],
    ['status', '-f', 'json'],
    ['db', 'check'],
    ['reload'],
    ['volume', 'list', '--debug'],
  ]) {
    const { stdout, stderr } = await daemon.command(...words);
    texts.push(words.join(' '), stdout, stderr);
  }
  return texts.join('\n');
}

test('no secret of any option is in the log, the report, or what a command prints [O-26, C-082, L-146]', async (t) => {
  const backend = { group: 'file1', options: Object.assign({}, ...schema.backend) as OptionGroup['options'] };
  const setTo = (word: string) => {
    const { DEFAULT = {}, file1 = {}, ...sections } = canaries([...schema.groups, backend], word);
    const database = { connection_debug: '100', ...sections['database'] };
    const values: Record<string, Section> = { ...sections, database };
    return {
      backends: { file1: { ...fileBackend, ...file1 } },
      defaults: { debug: true, host: 'node', ...DEFAULT },
      sections: values,
    };
  };
  const daemon = await aRunningDaemon(t, setTo('canary'));

  await daemon.ask('volume', 'create', '--size', '1', '--wait', 'v');
  await daemon.does('volume', 'connect', 'v', '--initiator', 'iqn.2026-11.org.example:me');
  daemon.configure(setTo('canary-again'));
  const printed = await outputs(daemon);
  for (const { pid } of (await daemon.status()).backends) process.kill(pid ?? 0, 'SIGUSR2');
  daemon.signal('SIGUSR2');
  await eventually('the report is written', () => daemon.printed.includes('Guru Meditation'));
  await daemon.stop();

  const dumped = daemon.logged(/= \*\*\*\*( |$)/);
  assert.ok(dumped.length > 5, 'the dump of the configuration has masked lines');
  for (const [name, text] of Object.entries({ printed, files: written(daemon.folder), daemon: daemon.printed })) {
    const at = text.indexOf('canary');
    assert.equal(at, -1, `${name}: …${text.slice(Math.max(0, at - 300), at + 100)}`);
  }
});
