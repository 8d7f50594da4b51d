import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Caller, callerOf } from '../../src/log/caller.ts';

function log(): Caller {
  return callerOf(log);
}

class Manager {
  async createVolume(): Promise<Caller> {
    return log();
  }
}

test('the place of a call has its function, file and line [G-015]', async () => {
  function named(): Caller {
    return log();
  }
  const found = named();

  assert.equal(found.funcName, 'named');
  assert.equal(found.pathname, fileURLToPath(import.meta.url));
  assert.equal(found.filename, 'caller.test.js');
  assert.equal(found.module, 'caller.test');
  assert.ok(found.lineno > 1);
  assert.equal((await new Manager().createVolume()).funcName, 'createVolume');
  assert.equal([0].map(() => log())[0]?.funcName, '<anonymous>');
});

test('stacks of others keep their length', () => {
  const before = Error.stackTraceLimit;
  log();

  assert.equal(Error.stackTraceLimit, before);
});
