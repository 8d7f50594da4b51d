import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TgtListing } from '../../src/targets/tgt-listing.ts';

/** What tgtadm 1.0.85 prints of a target with a session, and of one that somebody has only begun. */
const sample = `Target 5: iqn.2010-10.org.openstack:volume-1
    System information:
        Driver: iscsi
        State: offline
    I_T nexus information:
        I_T nexus: 2
            Initiator: iqn.2008-11.org.linux-kvm alias: none
            Connection: 0
                IP Address: 127.0.0.1
        I_T nexus: 7
            Initiator: iqn.2026-11.org.example:me alias: me
            Connection: 0
                IP Address: 127.0.0.1
            Connection: 1
                IP Address: 127.0.0.2
    LUN information:
        LUN: 0
            Type: controller
            SCSI ID: IET     00050000
            SCSI SN: beaf50
            Size: 0 MB, Block size: 1
            Online: Yes
            Removable media: No
            Prevent removal: No
            Readonly: No
            SWP: No
            Thin-provisioning: No
            Backing store type: null
            Backing store path: None
            Backing store flags: 
        LUN: 1
            Type: disk
            SCSI ID: volume-11111111-2222-3333-4444-55555
            SCSI SN: abc
            Size: 1074 MB, Block size: 512
            Online: Yes
            Removable media: No
            Prevent removal: No
            Readonly: No
            SWP: No
            Thin-provisioning: Yes
            Backing store type: rdwr
            Backing store path: /srv/a folder/v.raw
            Backing store flags: 
    Account information:
        u1
        u2 (outgoing)
    ACL information:
        ALL
        iqn.2026-11.org.example:me
Target 6: iqn.x:y
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
    LUN information:
    Account information:
        u1
    ACL information:
`;

test('reads what tgtadm prints for people', () => {
  const listing = new TgtListing(sample);

  assert.deepEqual(listing.find('iqn.2010-10.org.openstack:volume-1'), {
    tid: 5,
    iqn: 'iqn.2010-10.org.openstack:volume-1',
    state: 'offline',
    sessions: [
      { sid: 2, initiator: 'iqn.2008-11.org.linux-kvm', connections: [0] },
      { sid: 7, initiator: 'iqn.2026-11.org.example:me', connections: [0, 1] },
    ],
    luns: [
      { lun: 0, online: true, thin: false, path: 'None' },
      { lun: 1, online: true, thin: true, path: '/srv/a folder/v.raw' },
    ],
    accounts: ['u1', 'u2 (outgoing)'],
    rules: ['ALL', 'iqn.2026-11.org.example:me'],
  });
  assert.deepEqual(listing.find('iqn.x:y'), {
    tid: 6,
    iqn: 'iqn.x:y',
    state: 'ready',
    sessions: [],
    luns: [],
    accounts: ['u1'],
    rules: [],
  });
  assert.deepEqual(
    listing.heads().map(({ tid, iqn }) => `${tid} ${iqn}`),
    ['5 iqn.2010-10.org.openstack:volume-1', '6 iqn.x:y'],
  );
});

test('a name is found whole, not as a part of another', () => {
  assert.equal(new TgtListing(sample).find('iqn.x'), undefined);
  assert.equal(new TgtListing('').find('iqn.x:y'), undefined);
});

test('knows whether a user has other targets', () => {
  const listing = new TgtListing(sample.replace('        u2 (outgoing)', '        u3'));

  assert.equal(listing.isUserOfOthers('u1', 'iqn.x:y'), true);
  assert.equal(listing.isUserOfOthers('u3', 'iqn.2010-10.org.openstack:volume-1'), false);
  assert.equal(listing.isUserOfOthers('u3', 'iqn.x:y'), true);
  assert.equal(listing.isUserOfOthers('u3', 'iqn.not:there'), true);
  assert.equal(listing.isUserOfOthers('u', 'iqn.not:there'), false);
});
