import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// get_capabilities by RPC: client, embedded broker and server in processes of their own.
// Run without an argument it prints calls a second and the median round trip, with 1 and 64 in flight, and memory.

const self = fileURLToPath(import.meta.url);
const [role, port = '0', inFlight = '1', total = '1'] = process.argv.slice(2);
const place = { host: '127.0.0.1', port: Number(port) };
const login = { user: 'cinder', password: 'a secret, with ümlaut' };

// Whoever started it is gone.
process.once('disconnect', () => process.exit());

// Each role loads what it needs and no more: memory is measured.
switch (role) {
  case undefined:
    await measure();
    break;
  case 'broker': {
    const { startBroker } = await import('../../src/broker/broker.ts');
    const { silent } = await import('../../src/base/log.ts');
    const broker = await startBroker({ host: '127.0.0.1', port: 0, ...login, logger: silent, version: '0' });
    answer({ port: broker.port });
    break;
  }
  case 'server': {
    const { aServer, aTransport } = await import('../support/messaging.ts');
    const { FakeEndpoint } = await import('../support/endpoint.ts');
    const capabilities = {
      volume_backend_name: 'lvm',
      vendor_name: 'Open Source',
      driver_version: '3',
      properties: {},
    };
    const endpoint = new FakeEndpoint({ get_capabilities: { run: () => capabilities } });
    await aServer(await aTransport(place), endpoint.table);
    answer({});
    break;
  }
  case 'client':
    answer(await calls(Number(inFlight), Number(total)));
    process.disconnect();
    break;
  default:
    answer({});
}

interface Report {
  readonly port?: number;
  readonly rate?: number;
  readonly p50?: number;
  readonly p99?: number;
}

async function measure(): Promise<void> {
  const node = await started('nothing');
  const broker = await started('broker');
  const server = await started('server', broker.report.port);
  console.log(`PSS idle: node ${node.pss()} MB, broker ${broker.pss()} MB, transport and server ${server.pss()} MB`);
  for (const [width, count] of [
    [1, 3000],
    [64, 20_000],
    [1, 3000],
    [64, 20_000],
  ]) {
    const { child, report } = await started('client', broker.report.port, width, count);
    console.log(`${width} in flight: ${report.rate} calls/s, p50 ${report.p50} ms, p99 ${report.p99} ms`);
    if (child.exitCode === null) await once(child, 'exit');
  }
  console.log(`PSS after the load: broker ${broker.pss()} MB, transport and server ${server.pss()} MB`);
  for (const { child } of [node, broker, server]) child.disconnect();
}

async function started(...args: unknown[]) {
  const child = fork(self, args.map(String), { execArgv: process.execArgv });
  const [report] = (await once(child, 'message')) as [Report];
  return { child, report, pss: () => pssOf(child.pid ?? 0) };
}

async function calls(width: number, count: number): Promise<Report> {
  const { aClient, aTransport, testTarget } = await import('../support/messaging.ts');
  const { adminContext } = await import('../../src/objects/context.ts');
  const transport = await aTransport(place);
  const client = aClient(transport);
  const request = { method: 'get_capabilities', version: '3.0', args: { discover: false }, context: adminContext() };
  const times: number[] = [];
  let left = count;
  const lane = async (): Promise<void> => {
    const { signal } = new AbortController();
    while (left-- > 0) {
      const start = performance.now();
      await client.call(testTarget, request, {}, signal);
      times.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: width }, lane));
  const rate = Math.round(count / ((performance.now() - start) / 1000));
  times.sort((a, b) => a - b);
  const at = (part: number): number => Number((times[Math.floor(times.length * part)] ?? 0).toFixed(2));
  await client.close();
  await transport.close();
  return { rate, p50: at(0.5), p99: at(0.99) };
}

function answer(report: Report): void {
  process.send?.(report);
}

function pssOf(pid: number): number {
  const line = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Math.round(Number(line?.[1] ?? 0) / 1000);
}
