import type { Routes } from '../admin/routes.ts';
import { listenHttp } from '../admin/server.ts';
import { messageOf } from '../base/errors.ts';
import { type ListenAddress, parseListenAddress } from '../base/listen-address.ts';
import type { Logger } from '../base/log.ts';
import { Backoff } from '../base/retry.ts';

/** One address that others may ask at. */
export interface Listening {
  /** The option that names it, for the log. */
  readonly option: string;
  /** As configured: checked when the option was read. */
  readonly address: string;
  readonly routes: Routes;
}

/**
 * Answers HTTP at a TCP address until `signal` aborts. One that cannot be had, because another process has it, is told
 * once and tried again for ever: volumes do not depend on who may watch.
 */
export async function listenPatiently(
  { option, address, routes }: Listening,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const where = parseListenAddress(address);
  if (where === undefined) throw new Error(`${option} = ${address} is no address to listen at`);
  const backoff = new Backoff({ first: 1000, most: 30_000 });
  for (let told = ''; ; await backoff.wait(signal)) {
    signal.throwIfAborted();
    try {
      await using(where, routes, signal, (port) => log.info('%s: listening at %s:%d', option, where.host, port));
      return;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== told) log.error('%s = %s cannot be listened at, and is tried again: %s', option, address, reason);
      told = reason;
    }
  }
}

async function using(
  where: ListenAddress,
  routes: Routes,
  signal: AbortSignal,
  open: (port: number) => void,
): Promise<void> {
  const server = await listenHttp(where, routes);
  open(server.port);
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await server[Symbol.asyncDispose]();
}
