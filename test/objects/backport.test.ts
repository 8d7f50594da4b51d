import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backported } from '../../src/objects/backport.ts';
import { snapshotCodec } from '../../src/objects/snapshot.ts';
import { volumeCodec } from '../../src/objects/volume.ts';
import { aSnapshot, aVolume } from '../support/resources.ts';

test('peers of 1.38 get Volume 1.8 and Snapshot 1.5 without use_quota, nested ones too [objects 5.3, objects 8.11]', () => {
  const volume = aVolume();
  const sent = { snapshot: snapshotCodec.encode({ ...aSnapshot(volume), volume }), list: [volumeCodec.encode(volume)] };

  const text = JSON.stringify(backported(sent, '1.38'));

  assert.doesNotMatch(text, /use_quota/);
  assert.doesNotMatch(text, /"1\.9"|"1\.6"/);
  assert.equal(text.match(/"versioned_object.version":"1.8"/g)?.length, 2);
  assert.equal(text.match(/"versioned_object.version":"1.5"/g)?.length, 1);
  assert.match(text, new RegExp(volume.id));
});

test('peers of our own set get everything as it is [objects 5.3]', () => {
  const sent = { volume: volumeCodec.encode(aVolume()) };

  assert.equal(backported(sent, '1.39'), sent);
});
