import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressLine } from '../../src/cli/progress.ts';
import { FakeTerminal } from '../support/terminal.ts';

test('a terminal has one line that is rewritten and taken away at the end [ecosystem 1.1]', () => {
  const terminal = new FakeTerminal(20);
  const line = progressLine(terminal);

  line.show('downloading 1 of 2');
  line.show('downloading 1 of 2');
  line.show('done');
  line.end();
  line.end();

  assert.equal(terminal.text, '\rdownloading 1 of 2\x1b[K\rdone\x1b[K\r\x1b[K');
});

test('the line never wraps and never obeys what stands in it', () => {
  const terminal = new FakeTerminal(10);

  progressLine(terminal).show('ab\ncボリューム\x1b[2J');

  assert.equal(terminal.text, '\rab cボリ\x1b[K');
});

test('a pipe gets nothing [ecosystem 3.2]', () => {
  const pipe = new FakeTerminal();
  const line = progressLine(pipe);

  line.show('x');
  line.end();

  assert.equal(pipe.text, '');
});
