import type { Option } from '../interface/options.ts';
import { type RabbitValues, rabbitOptions } from './options.ts';

/** One host of a transport URL; what is not said is undefined. */
interface BrokerHost {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** A transport URL, taken apart (messaging.md §5). */
export interface TransportUrl {
  readonly kind: 'rabbit' | 'embedded' | 'fake';
  readonly hosts: readonly BrokerHost[];
  readonly virtualHost: string;
  /** What stands behind the `?`: it overrides `[oslo_messaging_rabbit]`. */
  readonly options: Readonly<Record<string, string>>;
}

/** A transport URL that cannot be used. The message never shows its user or password. */
export class WrongTransportUrl extends Error {
  constructor(problem: string) {
    super(`transport_url: ${problem}`);
    this.name = 'WrongTransportUrl';
  }
}

const escapes = "in a user or password ',' '/' '@' ':' and '%' are written with a percent sign, such as %2C";

const use = 'use rabbit://user:password@host:5672/virtual_host, or embedded:// without a broker';

const kinds: Readonly<Record<string, TransportUrl['kind']>> = {
  rabbit: 'rabbit',
  kombu: 'rabbit',
  'cinder.openstack.common.rpc.impl_kombu': 'rabbit',
  'cinder.rpc.impl_kombu': 'rabbit',
  embedded: 'embedded',
  fake: 'fake',
};

/** Schemes that oslo.messaging has, or had, and this daemon has not (L-091). */
const unsupported: Readonly<Record<string, string>> = {
  amqp: `the driver amqp:// was deprecated in oslo.messaging 14.1 and removed in 15.0 (OpenStack 2025.1); ${use}`,
  kafka: `kafka:// carries notifications only and is not supported here; ${use}`,
  qpid: `the driver qpid:// was removed from oslo.messaging in 2016; ${use}`,
  zmq: `the driver zmq:// was removed from oslo.messaging in 2018; ${use}`,
  'cinder.openstack.common.rpc.impl_qpid': `the driver qpid was removed from oslo.messaging in 2016; ${use}`,
  'cinder.rpc.impl_qpid': `the driver qpid was removed from oslo.messaging in 2016; ${use}`,
  'cinder.openstack.common.rpc.impl_zmq': `the driver zmq was removed from oslo.messaging in 2018; ${use}`,
  'cinder.rpc.impl_zmq': `the driver zmq was removed from oslo.messaging in 2018; ${use}`,
};

/**
 * Reads a transport URL by oslo's grammar: `driver://[user:password@]host[:port][,…]/virtual_host?option=value`. Names are
 * decoded after the URL was split at `,` and at the last `@`. Throws WrongTransportUrl.
 */
export function parseTransportUrl(text: string): TransportUrl {
  const match = /^([^:/?#]+):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/.exec(text.trim());
  if (match === null) throw new WrongTransportUrl(`expected driver://…, ${use}`);
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  return {
    kind: kindOf(scheme.toLowerCase()),
    hosts: authority
      .split(',')
      .filter((host) => host !== '')
      .map(hostOf),
    virtualHost: decoded(path.slice(1), 'virtual host') || '/',
    options: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** The URL of a configuration: `rpc_backend` of 2015 gives the scheme where `transport_url` is as preset (L-091). */
export function transportUrlOf(values: { transport_url: string; rpc_backend: string | undefined }): TransportUrl {
  const { transport_url, rpc_backend } = values;
  const named = transport_url === 'rabbit://' && rpc_backend !== undefined;
  return parseTransportUrl(named ? `${rpc_backend}://` : transport_url);
}

/** What the URL says behind its `?` goes before the file. Throws WrongTransportUrl for what is no such option or value. */
export function withUrlOptions(values: RabbitValues, url: TransportUrl): RabbitValues {
  const changes: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(url.options)) {
    const option = Object.entries(rabbitOptions).find(([key]) => key === name)?.[1];
    if (option === undefined) throw new WrongTransportUrl(`'${name}' is no option of [oslo_messaging_rabbit]`);
    changes[name] = parsedOption(name, option, text);
  }
  return { ...values, ...changes };
}

/** Where the embedded broker listens and whom it lets in (M-60). Never on another address without a password in the URL. */
export interface EmbeddedListener {
  readonly host: string;
  readonly port: number;
  /** False: another free port will do when this one is taken. */
  readonly portGiven: boolean;
  readonly user: string;
  /** Undefined: one is to be made. */
  readonly password: string | undefined;
}

export function embeddedListener(url: TransportUrl): EmbeddedListener {
  const [first, ...more] = url.hosts;
  if (more.length > 0) throw new WrongTransportUrl('embedded:// names one address at most');
  const { host = '127.0.0.1', port, user = 'cinder', password } = first ?? {};
  if (password === undefined && !/^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host)) {
    throw new WrongTransportUrl(`the embedded broker listens on ${host} only with embedded://user:password@${host}`);
  }
  return { host, port: port ?? 5672, portGiven: port !== undefined, user, password };
}

function kindOf(scheme: string): TransportUrl['kind'] {
  const kind = Object.hasOwn(kinds, scheme) ? kinds[scheme] : undefined;
  if (kind !== undefined) return kind;
  const reason = Object.hasOwn(unsupported, scheme) ? unsupported[scheme] : undefined;
  throw new WrongTransportUrl(reason ?? `driver '${scheme}' is not supported; ${use}`);
}

function hostOf(text: string): BrokerHost {
  const at = text.lastIndexOf('@');
  const colon = text.indexOf(':');
  const hasPassword = colon >= 0 && colon < at;
  const user = at < 0 ? undefined : decoded(text.slice(0, hasPassword ? colon : at), 'user');
  const password = hasPassword ? decoded(text.slice(colon + 1, at), 'password') : undefined;
  const place = text.slice(at + 1);
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(place);
  if (parts === null) throw new WrongTransportUrl(`expected host[:port]; ${escapes}`);
  const port = parts[3] === undefined || parts[3] === '' ? undefined : Number(parts[3]);
  if (port !== undefined && port > 65_535) throw new WrongTransportUrl(`port ${port} is above 65535`);
  return { host: (parts[1] ?? parts[2]) || undefined, port, user, password };
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new WrongTransportUrl(`the ${what} has a '%' without two hexadecimal digits`);
    throw error;
  }
}

function parsedOption(name: string, { kind, choices }: Option<unknown>, text: string): unknown {
  const wrong = (expected: string): WrongTransportUrl =>
    new WrongTransportUrl(`${name}: expected ${expected}, got '${text}'`);
  switch (kind) {
    case 'bool':
      if (/^(1|true|on|yes)$/i.test(text)) return true;
      if (/^(0|false|off|no)$/i.test(text)) return false;
      throw wrong('true or false');
    case 'int':
      if (/^[+-]?\d+$/.test(text)) return Number(text);
      throw wrong('a whole number');
    case 'float':
      if (text !== '' && Number.isFinite(Number(text))) return Number(text);
      throw wrong('a number');
    default:
      if (choices?.includes(text) ?? true) return text;
      throw wrong(`one of ${choices?.join(', ')}`);
  }
}
