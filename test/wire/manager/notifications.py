#!/usr/bin/python3
"""Plays the scenes of README.md with Cinder's own VolumeManager, and prints what it told, a JSON object a line.

Everything is Cinder's but the driver, which agrees to everything, and the notifier, which keeps what it is given.
"""
import datetime
import json
import os
import tempfile
from unittest import mock

FOLDER = tempfile.mkdtemp()
CONFIGURATION = f"""[DEFAULT]
transport_url = fake://
state_path = {FOLDER}
host = labhost
enabled_backends = nfs1
[nfs1]
volume_driver = cinder.tests.fake_driver.FakeLoggingVolumeDriver
[database]
connection = sqlite:///{FOLDER}/cinder.sqlite
[oslo_messaging_notifications]
driver = messagingv2
[oslo_concurrency]
lock_path = {FOLDER}
"""
with open(os.path.join(FOLDER, 'cinder.conf'), 'w') as file:
    file.write(CONFIGURATION)

from cinder import objects  # noqa: E402

objects.register_all()

from oslo_config import cfg  # noqa: E402
import oslo_messaging  # noqa: E402

from cinder.common import config  # noqa: E402,F401
from cinder import context  # noqa: E402
from cinder import coordination  # noqa: E402
from cinder import db  # noqa: E402
from cinder.db import migration  # noqa: E402
from cinder import rpc  # noqa: E402
from cinder.volume import manager as volume_manager  # noqa: E402

cfg.CONF(['--config-file', os.path.join(FOLDER, 'cinder.conf')], project='cinder', version='x')
migration.db_sync()

PROJECT, USER = 'ad0000000000000000000000000000aa', 'us0000000000000000000000000000aa'
SERVER = '50000000-0000-4000-8000-000000000001'
HOST = 'labhost@nfs1'
POOL = HOST + '#pool'
CONNECTOR = {'host': 'compute1', 'mode': 'rw', 'mountpoint': '/dev/vdb', 'initiator': 'iqn'}
ctxt = context.RequestContext(user_id=USER, project_id=PROJECT, is_admin=True, read_deleted='no', overwrite=False)
told = []
scenes = []
made = 0


class Notifier:
    """Keeps what it is given, as it would go to the broker."""

    def __init__(self, service, host=None, publisher_id=None):
        self.publisher = publisher_id or f'{service}.{host or cfg.CONF.host}'

    def info(self, ctxt, event, payload):
        body = oslo_messaging.JsonPayloadSerializer().serialize_entity(ctxt, payload)
        message = {'publisher_id': self.publisher, 'event_type': event, 'priority': 'INFO', 'payload': body}
        told.append({'seq': len(told) + 1, 'scene': current, 'message': message})


rpc.get_notifier = Notifier
rpc.init(cfg.CONF)
for number, (host, binary, version) in enumerate([(HOST, 'cinder-volume', '3.18'), ('labhost', 'cinder-scheduler', '3.12')], 1):
    db.service_create(ctxt, {
        'uuid': f'60000000-0000-4000-8000-{number:012d}', 'host': host, 'binary': binary, 'topic': binary,
        'availability_zone': 'nova', 'rpc_current_version': version, 'object_current_version': '1.39'})
TYPE = db.volume_type_create(ctxt, {'id': '70000000-0000-4000-8000-000000000001', 'name': 't', 'extra_specs': {}})['id']
GROUP_TYPE = db.group_type_create(ctxt, {'id': '70000000-0000-4000-8000-000000000002', 'name': 'g'})['id']

driver = mock.MagicMock(initialized=True)
driver.configuration.extra_capabilities = '{}'
driver.configuration.safe_get.return_value = None
for name in 'create_group delete_group update_group create_group_snapshot delete_group_snapshot'.split():
    getattr(driver, name).side_effect = NotImplementedError()
driver.create_export.return_value = {}
driver.initialize_connection.return_value = {'driver_volume_type': 'nfs', 'data': {}}
driver.create_snapshot.return_value = {}
driver.terminate_connection.return_value = False
driver.snapshot_revert_use_temp_snapshot.return_value = False
with mock.patch('cinder.volume.manager.importutils.import_object', return_value=driver):
    manager = volume_manager.VolumeManager(host=HOST, service_name='nfs1', volume_driver='x')
manager.driver = driver
manager.publish_service_capabilities = lambda *args, **kwargs: None
manager.stats = {'pools': {}, 'allocated_capacity_gb': 0}
coordination.COORDINATOR.start()


def new_id(kind):
    global made
    made += 1
    return f'{kind}0000000-0000-4000-8000-{made:012d}'


def volume(status, **columns):
    row = db.volume_create(ctxt, dict(
        id=new_id(1), size=1, host=POOL, user_id=USER, project_id=PROJECT, availability_zone='nova', status='available',
        attach_status='detached', display_name='v', volume_type_id=TYPE,
        launched_at=datetime.datetime(2026, 11, 23, 8, 0, 0, 1), **columns))
    return at(objects.Volume, row.id, status)


def snapshot(volume, status, **columns):
    row = db.snapshot_create(ctxt, dict(
        id=new_id(2), volume_id=volume.id, volume_size=1, user_id=USER, project_id=PROJECT, display_name='s',
        volume_type_id=TYPE, status='creating', **columns))
    return at(objects.Snapshot, row.id, status)


def at(kind, ident, status=None):
    """The object as it stands, or brought to a status."""
    found = kind.get_by_id(ctxt, ident)
    if status is not None:
        found.status = status
        found.save()
    return found


def scene(function):
    scenes.append(function)


@scene
def delete_volume():
    manager.delete_volume(ctxt, volume('deleting', metadata={'a': 'b'}))


@scene
def extend_volume():
    manager.extend_volume(ctxt, volume('extending'), 3, [])


@scene
def extend_bootable():
    of = volume('extending')
    db.volume_glance_metadata_create(ctxt, of.id, 'image_id', 'i1')
    db.volume_glance_metadata_create(ctxt, of.id, 'os_distro', 'linux')
    manager.extend_volume(ctxt, of, 2, [])


@scene
def attachment():
    of = volume('reserved')
    reserved = {'volume_id': of.id, 'instance_uuid': SERVER, 'attach_status': 'reserved', 'attach_mode': 'null'}
    ident = db.volume_attach(ctxt, reserved)['id']
    manager.attachment_update(ctxt, at(objects.Volume, of.id), CONNECTOR, ident)
    manager.attachment_delete(ctxt, ident, at(objects.Volume, of.id))


@scene
def os_attach():
    of = volume('attaching')
    attached = manager.attach_volume(ctxt, of.id, SERVER, None, '/dev/vdb', 'rw', volume=of)
    manager.detach_volume(ctxt, of.id, attached.id, volume=at(objects.Volume, of.id, 'detaching'))


@scene
def snapshots():
    of = snapshot(volume('available'), 'creating', metadata={'a': 'b', 'it': "it's"})
    manager.create_snapshot(ctxt, of)
    manager.delete_snapshot(ctxt, at(objects.Snapshot, of.id, 'deleting'))


@scene
def revert():
    of = volume('reverting')
    manager.revert_to_snapshot(ctxt, of, snapshot(of, 'restoring'))


@scene
def unmanage():
    manager.delete_volume(ctxt, volume('unmanaging'), unmanage_only=True)


@scene
def groups():
    owner = {'user_id': USER, 'project_id': PROJECT, 'group_type_id': GROUP_TYPE, 'status': 'creating'}
    group = db.group_create(ctxt, dict(
        id=new_id(3), host=POOL, availability_zone='nova', name='g', volume_type_ids=[TYPE], **owner)).id
    manager.create_group(ctxt, at(objects.Group, group))
    of = volume('available')
    manager.update_group(ctxt, at(objects.Group, group, 'updating'), add_volumes=of.id, remove_volumes='')
    part = db.group_snapshot_create(ctxt, dict(id=new_id(4), group_id=group, name='gs', **owner)).id
    taken = snapshot(of, 'creating', group_snapshot_id=part)
    manager.create_group_snapshot(ctxt, at(objects.GroupSnapshot, part))
    at(objects.Snapshot, taken.id, 'deleting')
    manager.delete_group_snapshot(ctxt, at(objects.GroupSnapshot, part, 'deleting'))
    at(objects.Volume, of.id, 'deleting')
    manager.delete_group(ctxt, at(objects.Group, group, 'deleting'))


@scene
def failed_revert():
    of = volume('reverting')
    driver.revert_to_snapshot.side_effect = RuntimeError('disk full')
    try:
        manager.revert_to_snapshot(ctxt, of, snapshot(of, 'restoring'))
    except RuntimeError:
        pass


for play in scenes:
    current = play.__name__
    play()
for one in told:
    print(json.dumps(one))
