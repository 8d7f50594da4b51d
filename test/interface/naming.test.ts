import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namingOf } from '../../src/interface/naming.ts';
import { reading } from '../support/driver-parts.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';

test('names come from the templates, a volume’s from its name_id [S-15]', () => {
  const naming = namingOf(reading());
  const other = namingOf(reading({ volume_name_template: 'v-%s.raw', snapshot_name_template: '%s' }));
  const volume = aVolume({ _name_id: 'a-b' });
  const snapshot = aSnapshot(volume);

  assert.deepEqual([naming.volume(volume), naming.snapshot(snapshot)], ['volume-a-b', `snapshot-${snapshot.id}`]);
  assert.deepEqual([other.volume(volume), other.snapshot(snapshot)], ['v-a-b.raw', snapshot.id]);
});

test('a template that cannot name files is refused with its option', () => {
  for (const volume_name_template of ['volume', '%s-%s', '../%s', 'a/%s', '.%s', '-%s', '%d', 'a b%s', '']) {
    assert.throws(() => namingOf(reading({ volume_name_template })), /DEFAULT.volume_name_template is not valid/);
  }
  assert.throws(() => namingOf(reading({ snapshot_name_template: 'volume-%s' })), /are the same/);
});
