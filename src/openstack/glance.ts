import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAbort, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ImageService } from '../interface/image-service.ts';
import type { RequestContext } from '../objects/context.ts';
import { Invalid } from '../objects/exceptions.ts';
import {
  GlanceConnectionFailed,
  ImageLimitExceeded,
  ImageNotAuthorized,
  ImageNotFound,
} from '../objects/image-exceptions.ts';
import { endpointInCatalogue, urlOf } from './endpoints.ts';
import { directFile, receive, sourceOf } from './glance-data.ts';
import { decodeImage } from './glance-image.ts';
import { type HttpClient, type HttpRequest, type HttpResponse, HttpUnanswered, jsonOf } from './http.ts';
import type { ServiceToken } from './keystone.ts';
import type { GlanceValues } from './options.ts';

export interface GlanceParts {
  readonly http: HttpClient;
  readonly values: GlanceValues;
  /** Sent beside the user's token, or in its place where the context has none; undefined where none is configured. */
  readonly serviceToken: ServiceToken | undefined;
  /** `cinder.image.glance` */
  readonly log: Logger;
  /** Milliseconds between two tries; 1000 as upstream. */
  readonly pause?: number;
}

/** Glance's API, version 2. */
export function glance(parts: GlanceParts): ImageService {
  const client = new GlanceClient(parts);
  const { values } = parts;
  return {
    async show(context, imageId, signal) {
      const image = await client.call(context, imageId, 'get', { method: 'GET', path: '', signal }, async (response) =>
        decodeImage(await jsonOf(response)),
      );
      if (image.status === 'deleted') throw new ImageNotFound({ image_id: imageId });
      return image;
    },

    async download(context, image, file, transfer) {
      const direct = values.allowed_direct_url_schemes.includes('file') ? directFile(image) : undefined;
      if (direct !== undefined) return receive(sourceOf(direct), image, file, transfer);
      const request = { method: 'GET', path: '/file', signal: transfer.signal } as const;
      return client.call(context, image.id, 'data', request, ({ body }) => receive(body, image, file, transfer));
    },

    async upload(context, imageId, file, { gzip, store }, transfer) {
      const headers = {
        'Content-Type': 'application/octet-stream',
        ...(store === undefined ? {} : { 'x-image-meta-store': store }),
      };
      const { size } = await stat(file);
      const body = () => sourceOf(file, { gzip, read: (bytes) => transfer.progress(bytes, size) });
      const request = { method: 'PUT', path: '/file', headers, body, signal: transfer.signal } as const;
      await client.call(context, imageId, 'upload', request, drop);
    },

    async addLocation(context, imageId, url, metadata, signal) {
      const headers = { 'Content-Type': 'application/openstack-images-v2.1-json-patch' };
      const body = () => JSON.stringify([{ op: 'add', path: '/locations/-', value: { url, metadata } }]);
      const request = { method: 'PATCH', path: '', headers, body, signal } as const;
      await client.call(context, imageId, 'add_location', request, drop);
    },

    async remove(context, imageId, signal) {
      try {
        await client.call(context, imageId, 'delete', { method: 'DELETE', path: '', signal }, drop);
      } catch (error) {
        if (!(error instanceof ImageNotFound)) throw error;
      }
    },
  };
}

interface Call {
  readonly method: HttpRequest['method'];
  /** Behind `/v2/images/<id>`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each try. */
  readonly body?: () => NonNullable<HttpRequest['body']>;
  readonly signal: AbortSignal;
}

/** One request at a time to one of several servers: who is next, who asks, and what an answer means. */
class GlanceClient {
  readonly #parts: GlanceParts;
  readonly #servers: readonly string[];
  #next = 0;

  constructor(parts: GlanceParts) {
    this.#parts = parts;
    this.#servers = shuffled(parts.values.glance_api_servers.map(urlOf));
  }

  /** `read` takes the answer of a success; that it broke off counts as no answer. */
  async call<T>(
    context: RequestContext,
    imageId: string,
    name: string,
    call: Call,
    read: (response: HttpResponse) => Promise<T>,
  ): Promise<T> {
    const { log, values, pause = 1000 } = this.#parts;
    for (let left = values.glance_num_retries; ; left--) {
      const server = this.#serverFor(context);
      try {
        const response = await this.#send(context, server, imageId, call);
        if (response.status < 400) return await read(response);
        response.body.destroy();
        throw failureOf(response.status, imageId, `${call.method} of ${call.path || 'image'} at ${server}`);
      } catch (error) {
        if (!(error instanceof HttpUnanswered)) throw error;
        const line = "Error contacting glance server '%s' for '%s', %s.";
        const [level, then] = left > 0 ? (['WARNING', 'retrying'] as const) : (['ERROR', 'done trying'] as const);
        log.log(level, { error }, line, server, name, then);
        if (left <= 0) throw new GlanceConnectionFailed({ reason: messageOf(error) }, { cause: error });
        await sleep(pause, undefined, { signal: call.signal });
      }
    }
  }

  #serverFor(context: RequestContext): string {
    const configured = this.#servers[this.#next % Math.max(1, this.#servers.length)];
    this.#next += 1;
    const server = configured ?? endpointInCatalogue(context, this.#parts.values.glance_catalog_info);
    if (server !== undefined) return urlOf(server).replace(/\/v2$/, '');
    const reason = 'glance_api_servers is not set, and the catalogue of the request has no image service';
    throw new GlanceConnectionFailed({ reason });
  }

  async #send(context: RequestContext, server: string, imageId: string, call: Call): Promise<HttpResponse> {
    const { http, serviceToken } = this.#parts;
    const { method, path, signal, body } = call;
    const url = `${server}/v2/images/${encodeURIComponent(imageId)}${path}`;
    const attempt = async (): Promise<HttpResponse> => {
      const headers = { ...(await this.#identity(context, signal)), ...call.headers };
      return http.send({ method, url, headers, signal, ...(body && { body: body() }) });
    };
    const response = await attempt();
    if (response.status !== 401 || serviceToken === undefined) return response;
    response.body.destroy();
    serviceToken.forget();
    return attempt();
  }

  async #identity(context: RequestContext, signal: AbortSignal): Promise<Record<string, string>> {
    const user = context.wire['auth_token'];
    const headers = { 'X-OpenStack-Request-ID': context.global_request_id ?? context.request_id };
    const service = await this.#serviceText(signal);
    if (typeof user !== 'string' || user === '') return service ? { ...headers, 'X-Auth-Token': service } : headers;
    return { ...headers, 'X-Auth-Token': user, ...(service && { 'X-Service-Token': service }) };
  }

  /** Without Keystone the service has no token, and the user's may do without. */
  async #serviceText(signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#parts.serviceToken?.get(signal);
    } catch (error) {
      if (signal.aborted && isAbort(error)) throw error;
      this.#parts.log.warning('There is no token of the service for Glance: %s', messageOf(error));
      return undefined;
    }
  }
}

/** What an HTTP status of Glance means (upstream's `_translate_image_exception`). */
function failureOf(status: number, imageId: string, what: string): Error {
  switch (status) {
    case 400:
      return new Invalid(`Glance refuses ${what} of ${imageId} as a bad request`);
    case 401:
    case 403:
      return new ImageNotAuthorized({ image_id: imageId });
    case 404:
    case 410:
      return new ImageNotFound({ image_id: imageId });
    case 413:
      return new ImageLimitExceeded();
    case 502:
    case 503:
    case 504:
      return new HttpUnanswered(`HTTP ${status}`);
    default:
      return new GlanceConnectionFailed({ reason: `${what} gives HTTP ${status}` });
  }
}

async function drop({ body }: HttpResponse): Promise<void> {
  for await (const _ of body);
}

/** No server is everybody's first. */
function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
