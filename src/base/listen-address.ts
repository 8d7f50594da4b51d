/** Where a server listens for TCP connections. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`; an IPv6 address stands in brackets, no host at all is loopback. Undefined for anything else. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]*)):(\d{1,5})$/i.exec(text.trim());
  if (found === null) return undefined;
  const port = Number(found[3]);
  return port > 65_535 ? undefined : { host: found[1] ?? (found[2] || '127.0.0.1'), port };
}
