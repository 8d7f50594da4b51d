import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockFolder } from '../../src/coordination/options.ts';

test('locks are kept in the folder of a file URL [manager 13]', () => {
  assert.equal(lockFolder('file:///var/lib/cinder'), '/var/lib/cinder');
  assert.equal(lockFolder('file:///var/lib/cinder?timeout=5'), '/var/lib/cinder');
});

test('another kind of URL is refused without its password [C-082]', () => {
  assert.throws(
    () => lockFolder('etcd3+http://me:hunter2@host'),
    (error: Error) => {
      assert.match(error.message, /coordination.backend_url is not valid: locks at etcd3\+http:\/\/ are not supported/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
  assert.throws(() => lockFolder('file://relative'), /absolute path/);
  assert.throws(() => lockFolder(''), /not supported/);
});
