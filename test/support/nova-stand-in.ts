import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface NovaRequest {
  readonly method: string;
  /** Below the endpoint; `delete_info` apart. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body, or `delete_info`. */
  readonly content: unknown;
}

type Answer = { readonly status: number; readonly body?: string };

/** Keystone, and the assisted snapshots of Nova, in this process: every order is taken unless `answers` has something else. */
export class NovaStandIn {
  readonly url: string;
  readonly requests: NovaRequest[] = [];
  /** For the next requests to Nova, in turn. */
  readonly answers: Answer[] = [];
  /** Runs before an order is taken. */
  work: (request: NovaRequest) => Promise<void> = async () => {};
  tokens = 0;

  static async start(t: { after(step: () => unknown): void }): Promise<NovaStandIn> {
    const server = createServer((request, response) => {
      const asked = async (): Promise<void> => {
        const { method = '', url: line = '', headers } = request;
        await standIn.#answer({ method, line, headers, body: await text(request) }, response);
      };
      void asked().catch((error: unknown) => response.destroy(error as Error));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const standIn = new NovaStandIn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return standIn;
  }

  private constructor(url: string) {
    this.url = url;
  }

  async #answer(
    asked: {
      readonly method: string;
      readonly line: string;
      readonly headers: IncomingHttpHeaders;
      readonly body: string;
    },
    response: ServerResponse,
  ): Promise<void> {
    const { method, headers, body } = asked;
    const { pathname, searchParams } = new URL(asked.line, this.url);
    if (pathname === '/v3/auth/tokens') {
      this.tokens += 1;
      const endpoints = [{ interface: 'internal', region: 'R1', url: `${this.url}/compute/v2.1/` }];
      const expires_at = new Date(Date.now() + 3_600_000).toISOString();
      response.writeHead(201, { 'X-Subject-Token': `token-${this.tokens}` });
      response.end(JSON.stringify({ token: { expires_at, catalog: [{ type: 'compute', endpoints }] } }));
      return;
    }
    const told = body === '' ? searchParams.get('delete_info') : body;
    const path = pathname.replace('/compute/v2.1/', '');
    const request = { method, path, headers, content: told === null ? undefined : JSON.parse(told) };
    this.requests.push(request);
    const other = this.answers.shift();
    if (other === undefined) await this.work(request);
    const { status, body: said = '' } = other ?? (method === 'DELETE' ? { status: 204 } : taken);
    response.writeHead(status);
    response.end(said);
  }
}

const taken = { status: 200, body: JSON.stringify({ snapshot: { id: null, volumeId: 'v1' } }) };
