import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

/** An image as Glance would show it, and its data. */
type Stored = Record<string, unknown> & { id: string; status: string };

/** What goes wrong with the next requests. */
export interface Mishap {
  /** Answer with this status and nothing else. */
  readonly status?: number;
  /** Hang up after so many bytes of the answer's body. */
  readonly cutAfter?: number;
  /** Change a byte of the data. */
  readonly corrupt?: boolean;
}

/**
 * Glance's API of images as far as the daemon asks it, in this process. Its answers pass the same suite as those of the
 * real one (test/conformance/image-service.ts).
 */
export class GlanceStandIn {
  readonly images = new Map<string, Stored>();
  readonly data = new Map<string, Buffer>();
  /** `METHOD path` of every request, and its headers. */
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers'] }[] = [];
  readonly mishaps: Mishap[] = [];
  readonly url: string;

  /** With a certificate it answers by https only. */
  static async start(
    t: Pick<TestContext, 'after'>,
    tls?: { readonly certificate: string; readonly key: string },
  ): Promise<GlanceStandIn> {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      void standIn.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    const server =
      tls === undefined
        ? createServer(answer)
        : createTlsServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const standIn = new GlanceStandIn(
      `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return standIn;
  }

  private constructor(url: string) {
    this.url = url;
  }

  /** Makes an image, with data where there are any. */
  add(meta: Readonly<Record<string, unknown>> = {}, data?: Buffer): string {
    const id = randomUUID();
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    const image = {
      id,
      status: 'queued',
      name: 'image',
      disk_format: 'raw',
      container_format: 'bare',
      min_disk: 0,
      min_ram: 0,
      size: null,
      virtual_size: null,
      checksum: null,
      os_hash_algo: null,
      os_hash_value: null,
      owner: null,
      created_at: now,
      updated_at: now,
      ...meta,
    };
    this.images.set(id, image);
    if (data !== undefined) this.#keep(image, data);
    return id;
  }

  #keep(image: Stored, data: Buffer): void {
    this.data.set(image.id, data);
    Object.assign(image, {
      status: 'active',
      size: data.length,
      checksum: createHash('md5').update(data).digest('hex'),
      os_hash_algo: 'sha512',
      os_hash_value: createHash('sha512').update(data).digest('hex'),
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const line = `${request.method} ${request.url}`;
    this.requests.push({ line, headers: request.headers });
    const mishap = this.mishaps.shift();
    if (mishap?.status !== undefined) return void response.writeHead(mishap.status).end();
    const [, id = '', file = ''] = /^\/v2\/images\/([^/]+)(\/file)?$/.exec(request.url ?? '') ?? [];
    const image = this.images.get(id);
    if (image === undefined) return void response.writeHead(404).end();
    switch (`${request.method} ${file}`) {
      case 'GET ':
        return json(response, 200, image);
      case 'GET /file':
        return send(response, this.data.get(id), mishap);
      case 'PUT /file':
        return this.#take(request, response, image);
      case 'PATCH ':
        return this.#patch(request, response, image);
      case 'DELETE ':
        this.images.delete(id);
        return void response.writeHead(204).end();
      default:
        response.writeHead(405).end();
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse, image: Stored): Promise<void> {
    if (image.status !== 'queued') return void response.writeHead(409).end();
    image.status = 'saving';
    try {
      this.#keep(image, await buffer(request));
    } catch (error) {
      image.status = 'queued';
      throw error;
    }
    response.writeHead(204).end();
  }

  async #patch(request: IncomingMessage, response: ServerResponse, image: Stored): Promise<void> {
    const changes = JSON.parse(await text(request)) as { op: string; path: string; value: unknown }[];
    const good = changes.every(({ op, path }) => op === 'add' && path === '/locations/-');
    if (!good) return void response.writeHead(400).end();
    Object.assign(image, { status: 'active', locations: changes.map(({ value }) => value) });
    json(response, 200, image);
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function send(response: ServerResponse, data: Buffer | undefined, mishap: Mishap | undefined): void {
  if (data === undefined) return void response.writeHead(204).end();
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': data.length });
  if (mishap?.cutAfter !== undefined) {
    response.write(data.subarray(0, mishap.cutAfter), () => response.destroy());
    return;
  }
  const sent = Buffer.from(data);
  if (mishap?.corrupt === true) sent[0] = (sent[0] ?? 0) ^ 1;
  response.end(sent);
}
