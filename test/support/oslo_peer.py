"""A service that speaks oslo.messaging, for the tests of the transport.

usage: oslo_peer.py URL OPTIONS, where OPTIONS is JSON of [oslo_messaging_rabbit]. Each line of its input is a command in
JSON, each line of its output the answer to one of them, or {"log": text} for a warning of the library.
"""
import json
import logging
import os
import sys
import threading
import time
import types

from oslo_config import cfg
import oslo_messaging as om
from oslo_messaging._drivers import common
from oslo_messaging._metrics import client as metrics
from oslo_messaging.rpc import dispatcher

out = threading.Lock()


def say(**fields):
    with out:
        sys.stdout.write(json.dumps(fields, default=str) + '\n')
        sys.stdout.flush()


class Told(logging.Handler):
    def emit(self, record):
        say(log='%s %s' % (record.levelname, record.getMessage()))


logging.getLogger().addHandler(Told(level=logging.WARNING))


# What Cinder's own clients rebuild failures from.
class CinderException(Exception):
    def __init__(self, message=None, **kwargs):
        self.kwargs = kwargs
        self.msg = message
        super().__init__(message)


exceptions = types.ModuleType('cinder.exception')
for name in ('CinderException', 'VolumeNotFound', 'InvalidVolume', 'VolumeBackendAPIException'):
    kind = type(name, (CinderException,), {'__module__': 'cinder.exception'})
    setattr(exceptions, name, kind)
sys.modules['cinder'] = types.ModuleType('cinder')
sys.modules['cinder.exception'] = exceptions


class Endpoint:
    target = om.Target(version='3.20')

    def __init__(self):
        self.received = []

    def echo(self, ctxt, **args):
        self.received.append({'method': 'echo', 'ctxt': ctxt, 'args': args})
        return args

    def nothing(self, ctxt, **args):
        self.received.append({'method': 'nothing', 'ctxt': ctxt, 'args': args})

    def slow(self, ctxt, seconds):
        time.sleep(seconds)
        return 'slept'

    def fail(self, ctxt, name, **args):
        if hasattr(exceptions, name):
            raise getattr(exceptions, name)('%s was asked for' % name, **args)
        raise ValueError('%s was asked for' % name)

    def __getattr__(self, name):
        if name.startswith('_'):
            raise AttributeError(name)

        def note(ctxt, **args):
            self.received.append({'method': name, 'ctxt': ctxt, 'args': args})
        return note


class Listener:
    def __init__(self):
        self.received = []

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self.received.append({'publisher': publisher_id, 'event': event_type, 'payload': payload})


def transport_of(url, options):
    conf = cfg.ConfigOpts()
    conf([], project='test', default_config_files=[])
    conf.register_opts(metrics.oslo_messaging_metrics, group='oslo_messaging_metrics')
    allowed = ['cinder.exception']
    transport = om.get_rpc_transport(conf, url=url, allowed_remote_exmods=allowed)
    if options:
        for key, value in options.items():
            conf.set_override(key, value, group='oslo_messaging_rabbit')
        transport.cleanup()
        transport = om.get_rpc_transport(conf, url=url, allowed_remote_exmods=allowed)
    return conf, transport


class Peer:
    def __init__(self, url, options):
        self.url = url
        self.conf, self.transport = transport_of(url, options)
        self.endpoint = Endpoint()
        self.listener = Listener()
        self.servers = []

    def client(self, c):
        target = om.Target(topic=c['topic'], exchange=c.get('exchange'), version=c.get('version', '3.0'))
        if hasattr(om, 'get_rpc_client'):
            client = om.get_rpc_client(self.transport, target)
        else:
            client = om.RPCClient(self.transport, target)
        terms = {'timeout': c.get('timeout', 10)}
        if c.get('server'):
            terms['server'] = c['server']
        if c.get('fanout'):
            terms['fanout'] = True
        if c.get('monitor'):
            terms['call_monitor_timeout'] = c['monitor']
        return client.prepare(**terms)

    def call(self, c):
        return self.client(c).call(c.get('ctxt', {}), c['method'], **c.get('args', {}))

    def cast(self, c):
        for _ in range(c.get('repeat', 1)):
            self.client(c).cast(c.get('ctxt', {}), c['method'], **c.get('args', {}))

    def casts(self, c):
        """Numbered casts, one after the other, for so many seconds; the answer is how many."""
        client = self.client(dict(c, retry=-1))
        number = 0
        end = time.time() + c['seconds']
        while time.time() < end:
            client.cast({}, c['method'], id=str(number))
            number += 1
            time.sleep(c['pause'])
        return number

    def serve(self, c):
        target = om.Target(topic=c['topic'], server=c['server'], exchange=c.get('exchange'))
        server = om.get_rpc_server(self.transport, target, [self.endpoint], executor='threading',
                                   access_policy=dispatcher.DefaultRPCAccessPolicy)
        server.start()
        self.servers.append(server)

    def listen(self, c):
        transport = om.get_notification_transport(self.conf, url=self.url)
        listener = om.get_notification_listener(transport, [om.Target(topic=c['topic'])], [self.listener],
                                                executor='threading')
        listener.start()
        self.servers.append(listener)

    def received(self, c):
        return self.endpoint.received + self.listener.received

    def rebuild(self, c):
        """The names of the exceptions that failures become at a caller."""
        return [type(common.deserialize_remote_exception(failure, ['cinder.exception'])).__name__
                for failure in c['failures']]

    def reply_queue(self, c):
        return self.transport._driver._reply_q


def text_of(e):
    # Some of oslo.config's errors fail while they are told.
    try:
        return str(e)
    except Exception:
        return repr(e)


def answer(peer, command):
    try:
        say(id=command['id'], result=getattr(peer, command['do'])(command))
    except Exception as e:
        say(id=command['id'], error={'module': type(e).__module__, 'class': type(e).__name__, 'text': text_of(e)[:2000],
                                     'kwargs': getattr(e, 'kwargs', None), 'type': getattr(e, 'exc_type', None)})


def main():
    peer = Peer(sys.argv[1], json.loads(sys.argv[2]))
    say(ready=True)
    for line in sys.stdin:
        threading.Thread(target=answer, args=(peer, json.loads(line)), daemon=True).start()
    os._exit(0)


main()
