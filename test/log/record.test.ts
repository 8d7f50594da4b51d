import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatabaseError } from '../../src/interface/database.ts';
import { formatMessage, makeRecord } from '../../src/log/record.ts';
import { aRecord } from '../support/log-record.ts';

test('without values a template is the text, percent signs and all', () => {
  assert.equal(formatMessage('100% %s', []), '100% %s');
});

test('a template that does not fit its values loses neither [G-011]', () => {
  assert.equal(
    formatMessage('%d of %s', ['x', 'y']),
    `Error formatting log line msg='%d of %s' err=TypeError('%d format: a number is required, not x') args=['x', 'y']`,
  );
  const evil = {
    get name(): string {
      throw new Error('no');
    },
  };
  assert.match(formatMessage('%s', [evil]), /^Error formatting log line msg='%s' .* args=<unprintable>$/);
});

test('message and error are masked when the record is made [G-090]', () => {
  const record = aRecord({ template: 'password=%s', values: ['hunter2'], thrown: new Error('token=abc') });

  assert.equal(record.message, 'password=***');
  assert.equal(record.error?.summary, 'Error: token=***');
  assert.ok(!record.error?.lines.join().includes('abc'));
});

test('a database that is away marks the record of its error, however deep it is [G-062]', () => {
  const outageOf = (error: unknown): string | undefined => aRecord({ thrown: error }).outage;
  const away = new DatabaseError('away', 'gone');

  assert.equal(outageOf(away), 'database');
  assert.equal(outageOf(new Error('x', { cause: new Error('y', { cause: away }) })), 'database');
  assert.equal(outageOf(new DatabaseError('refused', 'syntax')), undefined);
  assert.equal(outageOf(new Error('x')), undefined);
  const named = makeRecord({
    level: 'INFO',
    facts: { outage: 'broker', error: away },
    name: 'a',
    template: 'x',
    values: [],
    context: undefined,
    caller: undefined,
  });
  assert.equal(named.outage, 'broker');
});
