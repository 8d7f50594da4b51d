import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initiatorOf, iscsiConnection, iscsiLocation, portal } from '../../src/targets/iscsi.ts';
import { aVolume } from '../support/resources.ts';

const iqn = 'iqn.2010-10.org.openstack:volume-1';

test('a portal is address and port, with brackets for IPv6', () => {
  assert.deepEqual([portal('10.0.0.1', 3260), portal('fd00::1', 3260)], ['10.0.0.1:3260', '[fd00::1]:3260']);
});

test('the location has upstream’s form and fits its column [S-22, storage 2.2]', () => {
  assert.equal(iscsiLocation(['10.0.0.1:3260', '10.0.0.2:3260'], 7, iqn, 1), `10.0.0.1:3260;10.0.0.2:3260,7 ${iqn} 1`);
  const many = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}:3260`);
  assert.throws(() => iscsiLocation(many, 7, iqn, 1), /would have \d+ characters, 256 fit/);
});

test('several portals or multipath give the lists too [storage 2.3]', () => {
  const provider_location = iscsiLocation(['10.0.0.1:3260', '[fd00::1]:3260'], 7, iqn, 1);
  const volume = aVolume({ provider_location, provider_auth: 'CHAP me secret', provider_geometry: '4096 512' });

  const { data } = iscsiConnection(volume, {});
  const single = aVolume({ provider_location: iscsiLocation(['10.0.0.1:3260'], 7, iqn, 1) });

  assert.deepEqual(data, {
    target_discovered: false,
    target_portal: '10.0.0.1:3260',
    target_iqn: iqn,
    target_lun: 1,
    target_portals: ['10.0.0.1:3260', '[fd00::1]:3260'],
    target_iqns: [iqn, iqn],
    target_luns: [1, 1],
    volume_id: volume.id,
    auth_method: 'CHAP',
    auth_username: 'me',
    auth_password: 'secret',
    encrypted: false,
    physical_block_size: '4096',
    logical_block_size: '512',
  });
  assert.deepEqual(iscsiConnection(single, { multipath: true }).data['target_portals'], ['10.0.0.1:3260']);
  assert.equal('target_portals' in iscsiConnection(single, { multipath: false }).data, false);
  assert.equal('auth_method' in iscsiConnection(single, {}).data, false);
});

test('a row without an export is refused with what it has', () => {
  assert.throws(() => iscsiConnection(aVolume(), {}), /has no iSCSI export: provider_location is nothing/);
  assert.throws(() => iscsiConnection(aVolume({ provider_location: '/a/path' }), {}), /provider_location is \/a\/path/);
});

test('an initiator is a name, and nothing that would write more lines [storage 2.3]', () => {
  assert.equal(initiatorOf({ initiator: 'iqn.1993-08.org.debian:01:abc' }), 'iqn.1993-08.org.debian:01:abc');
  for (const initiator of [undefined, null, 5, '', 'a b', 'a\nb', 'x'.repeat(224)]) {
    assert.throws(() => initiatorOf({ initiator }), {
      name: 'InvalidConnectorException',
      message: /information: initiator/,
    });
  }
});
