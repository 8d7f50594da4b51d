import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { batchWrites } from '../base/batched-writes.ts';

/** How a broker is reached by TLS: the texts of the files, read once. */
export interface TlsSettings {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly verifyHost: boolean;
  /** Such as `TLSv1.2`: no other version is spoken then. */
  readonly version: string | undefined;
}

export interface TlsFiles {
  readonly ssl_ca_file: string;
  readonly ssl_cert_file: string;
  readonly ssl_key_file: string;
  readonly ssl_version: string;
  readonly ssl_enforce_hostname_verification: boolean;
}

/** Reads certificates and key. Throws an error that names the option and the file. */
export function tlsSettings(files: TlsFiles): TlsSettings {
  const read = (option: keyof TlsFiles): string | undefined => {
    const path = files[option];
    return typeof path === 'string' && path !== '' ? textOf(option, path) : undefined;
  };
  return {
    ca: read('ssl_ca_file'),
    cert: read('ssl_cert_file'),
    key: read('ssl_key_file'),
    verifyHost: files.ssl_enforce_hostname_verification,
    version: versionOf(files.ssl_version),
  };
}

/** Begins to connect. `ready` is called when bytes may be written; what fails comes as the socket's `error`. */
export function openSocket(host: string, port: number, tls: TlsSettings | undefined, ready: () => void): Socket {
  const socket = tls === undefined ? openPlain(host, port, ready) : openTls(host, port, tls, ready);
  batchWrites(socket);
  return socket;
}

function openPlain(host: string, port: number, ready: () => void): Socket {
  return connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, ready);
}

/** Without an authority nothing is verified, as in oslo.messaging (M-37); an IP address is no server name. */
function openTls(host: string, port: number, tls: TlsSettings, ready: () => void): Socket {
  const { ca, cert, key, verifyHost, version } = tls;
  const socket = connectTls(
    {
      host,
      port,
      rejectUnauthorized: ca !== undefined,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(version === undefined ? {} : { minVersion: version as 'TLSv1.2', maxVersion: version as 'TLSv1.2' }),
      ...(verifyHost ? {} : { checkServerIdentity: () => undefined }),
    },
    ready,
  );
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  return socket;
}

function versionOf(text: string): string | undefined {
  if (text === '') return undefined;
  const known: Readonly<Record<string, string>> = {
    TLSV1: 'TLSv1',
    TLSV1_1: 'TLSv1.1',
    TLSV1_2: 'TLSv1.2',
    TLSV1_3: 'TLSv1.3',
  };
  const version = known[text.toUpperCase().replace('.', '_')];
  if (version !== undefined) return version;
  if (/^sslv23$/i.test(text)) return undefined;
  throw new Error(`[oslo_messaging_rabbit] ssl_version: expected TLSv1, TLSv1_1, TLSv1_2 or TLSv1_3, got '${text}'`);
}

function textOf(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`[oslo_messaging_rabbit] ${option}: '${path}' cannot be read`, { cause: error });
  }
}
