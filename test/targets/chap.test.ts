import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chapOf, checkedChap, newChap, providerAuth } from '../../src/targets/chap.ts';

test('credentials are made up anew each time, of lengths that initiators take [S-20]', () => {
  const [one, two] = [newChap(), newChap()];

  assert.match(one.user, /^\w{20}$/);
  assert.match(one.password, /^\w{16}$/);
  assert.notEqual(one.password, two.password);
});

test('the column of the row is read back', () => {
  const chap = newChap();

  assert.deepEqual(chapOf(providerAuth(chap)), chap);
  assert.equal(chapOf(null), undefined);
  assert.equal(chapOf('something else'), undefined);
});

test('words that tgt would misread are refused, and not shown [style 13]', () => {
  for (const password of ['with,comma', 'with blank', 'with#hash', 'with"quote', 'line\nbreak', '', 'x'.repeat(200)]) {
    assert.throws(
      () => checkedChap({ user: 'me', password }, 'chap_password'),
      (error: Error) => {
        assert.match(error.message, /in chap_password is empty, too long, or has/);
        assert.ok(password === '' || !error.message.includes(password));
        return true;
      },
    );
  }
});
