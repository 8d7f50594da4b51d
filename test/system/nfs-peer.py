"""Upstream's NfsDriver, driven by lines of JSON on stdin: {"do": method, ...}. Each answer is a line on stdout."""
import contextlib
import os
import sys
from unittest import mock

from oslo_config import cfg

from cinder import context
from cinder import coordination
from cinder import objects

objects.register_all()

from cinder.volume import configuration
from cinder.volume import driver as base_driver
from cinder.volume import volume_utils  # noqa: registers options
from cinder.volume import manager  # noqa: registers options
from cinder.volume.drivers import nfs
from cinder.volume.drivers import remotefs

import orders

state, shares = sys.argv[1:]
CONF = cfg.CONF
CONF([], project='cinder', default_config_files=[])
CONF.set_override('state_path', state)
CONF.set_override('lock_path', os.path.join(state, 'lock'), 'oslo_concurrency')
CONF.set_override('backend_url', 'file://' + state, 'coordination')
coordination.COORDINATOR.start()


class Row(dict):
    """A row that can be read as upstream's drivers read their objects."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name)

    def __setattr__(self, name, value):
        self[name] = value

    @contextlib.contextmanager
    def obj_as_admin(self):
        yield

    def save(self):
        pass

    def create(self):
        pass

    def destroy(self):
        pass


def volume(row):
    row = Row(row)
    row.name = 'volume-' + (row.get('_name_id') or row.id)
    row.name_id = row.get('_name_id') or row.id
    row.admin_metadata = row.get('admin_metadata') or {}
    row.obj_context = context.get_admin_context()
    row.metadata = {}
    row.volume_type = None
    return row


def snapshot(row, of):
    row = Row(row)
    row.volume = volume(of)
    row.name = 'snapshot-' + row.id
    row.obj_context = row._context = context.get_admin_context()
    return row


settings = configuration.Configuration(base_driver.volume_opts + nfs.nfs_opts + remotefs.nas_opts, config_group='peer')
for name, value in {
        'nfs_shares_config': shares, 'nfs_mount_point_base': os.path.join(state, 'mnt'), 'nfs_snapshot_support': True,
        'nas_secure_file_operations': 'false', 'nas_secure_file_permissions': 'false',
        'max_over_subscription_ratio': '1000'}.items():
    CONF.set_override(name, value, 'peer')
driver = nfs.NfsDriver(configuration=settings, is_vol_db_empty=False)
driver.do_setup(context.get_admin_context())


def run(order):
    what = order['do']
    vol = volume(order['volume'])
    if what == 'create_volume':
        return dict(driver.create_volume(vol), format=vol.admin_metadata['format'])
    if what == 'delete_volume':
        return driver.delete_volume(vol)
    if what == 'extend_volume':
        with mock.patch.object(objects.Volume, 'get_by_id', return_value=vol):
            return driver.extend_volume(vol, order['size'])
    if what == 'initialize_connection':
        return driver.initialize_connection(vol, {})
    if what == 'create_volume_from_snapshot':
        return driver.create_volume_from_snapshot(vol, snapshot(order['snapshot'], order['source']))
    return getattr(driver, what)(snapshot(order['snapshot'], order['volume']))


orders.answer(run)
