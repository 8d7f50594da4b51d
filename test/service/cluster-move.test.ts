import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellMove } from '../../src/service/cluster-move.ts';
import { aLogger } from '../support/recording-logger.ts';

test('a cluster that is not the one of the row is told of, and nothing where it is [L-083]', () => {
  const logger = aLogger();

  tellMove({ cluster_name: null }, null, logger);
  tellMove({ cluster_name: 'home@lvm' }, 'home@lvm', logger);
  tellMove({ cluster_name: 'home@lvm' }, null, logger);
  tellMove({ cluster_name: null }, 'home@lvm', logger);

  assert.deepEqual(logger.lines, [
    'INFO This service has been moved from cluster home@lvm to None. Resources will NOT be moved to the new cluster',
    'INFO This service has been moved from cluster None to home@lvm. Resources will be moved to the new cluster',
  ]);
});
