import { messageOf } from '../base/errors.ts';
import { silent } from '../base/log.ts';
import { within } from '../base/time-limit.ts';
import type { Configuration } from '../config/load.ts';
import { openDatabase } from '../db/database.ts';
import { databaseGroup, tableGroup } from '../db/options.ts';
import { connectionPlan, transportSettings } from '../messaging/connection-plan.ts';
import { openTransport } from '../messaging/transport.ts';
import { transportUrlOf } from '../messaging/transport-url.ts';
import { rabbitGroup, rpcGroup } from './settings.ts';

/** Milliseconds that database and broker have to answer. */
const patience = 10_000;

/** Tries what a configuration names: a line for each thing that does not answer (`config check --environment`). */
export async function tryEnvironment(configuration: Configuration, signal: AbortSignal): Promise<readonly string[]> {
  const limited = within(signal, patience);
  const tries = [tryDatabase(configuration, limited), tryBroker(configuration, limited)];
  return (await Promise.all(tries)).filter((line) => line !== undefined);
}

async function tryDatabase(configuration: Configuration, signal: AbortSignal): Promise<string | undefined> {
  const values = { ...configuration.values(databaseGroup), ...configuration.values(tableGroup), max_retries: 0 };
  try {
    const db = await openDatabase(values.connection, values, { logger: silent, signal });
    await db.ping();
    await db[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return `[database] connection: ${messageOf(error)}`;
  }
}

/** The embedded broker is there when the daemon is: nothing to try. */
async function tryBroker(configuration: Configuration, signal: AbortSignal): Promise<string | undefined> {
  const rpc = configuration.values(rpcGroup);
  try {
    const url = transportUrlOf(rpc);
    if (url.kind === 'embedded') return undefined;
    const rabbit = configuration.values(rabbitGroup);
    const settings = transportSettings({ url, rabbit, rpc, program: 'volume-daemon-check', logs: () => silent });
    connectionPlan(settings, silent);
    const transport = await openTransport(settings, signal);
    await transport.close();
    return undefined;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
    return `[DEFAULT] transport_url: ${messageOf(error)}${cause}`;
  }
}
