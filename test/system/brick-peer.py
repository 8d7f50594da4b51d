"""A host with the real os-brick, driven by lines of JSON on stdin: {"do": method, ...}. Each answer is a line on stdout."""
import os
import sys

from oslo_config import cfg

from os_brick import privileged
from os_brick.initiator import connector

import orders

# Everything runs in this process, which is root: no helper is asked for.
privileged.default.set_client_mode(False)
lock_path, = sys.argv[1:]
cfg.CONF([], project='brick', default_config_files=[])
cfg.CONF.set_override('lock_path', lock_path, 'oslo_concurrency')


def connector_of(info):
    """The connector for what a volume service answered, made as cinder-backup makes it."""
    return connector.InitiatorConnector.factory(info['driver_volume_type'], None, conn=info, device_scan_attempts=3)


def run(order):
    what = order['do']
    if what == 'properties':
        return connector.get_connector_properties(None, '127.0.0.1', False, False)
    info = order.get('connection_info')
    if what == 'connect':
        return connector_of(info).connect_volume(info['data'])
    if what == 'disconnect':
        return connector_of(info).disconnect_volume(info['data'], order['device'])
    with open(order['device']['path'], 'rb+') as device:
        if what == 'size':
            return device.seek(0, os.SEEK_END)
        device.seek(order['at'])
        if what == 'read':
            return device.read(order['length']).decode()
        device.write(order['text'].encode())
        device.flush()
        return os.fsync(device.fileno())


orders.answer(run)
