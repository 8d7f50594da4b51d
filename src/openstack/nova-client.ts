import { isRecord } from '../objects/versioned-object.ts';
import { type HttpClient, type HttpRequest, jsonOf } from './http.ts';
import type { ServiceToken } from './keystone.ts';
import type { NovaValues } from './options.ts';

interface NovaClientParts {
  readonly http: HttpClient;
  readonly values: NovaValues;
  readonly token: ServiceToken;
}

interface NovaRequest extends Pick<HttpRequest, 'method'> {
  /** Below the endpoint, with its query. */
  readonly path: string;
  readonly microversion: string;
  readonly body?: unknown;
}

interface NovaAnswer {
  readonly status: number;
  /** What the answer says; an empty object where it says nothing, or is a failure that is no JSON. */
  readonly content: unknown;
}

/** Requests to Nova in the daemon's own name, at the endpoint that the catalogue of its token has (config.md §12.7). */
export class NovaClient {
  readonly #parts: NovaClientParts;

  constructor(parts: NovaClientParts) {
    this.#parts = parts;
  }

  /** Where Nova is. Rejects with why the daemon has no way there. */
  endpoint(signal: AbortSignal): Promise<string> {
    const { region_name, interface: kind } = this.#parts.values;
    return this.#parts.token.endpoint('compute', kind.replace(/URL$/, ''), region_name, signal);
  }

  /** The answer, whatever its status; a token that is refused is replaced once. Rejects where none comes. */
  async request(request: NovaRequest, signal: AbortSignal): Promise<NovaAnswer> {
    const first = await this.#send(request, signal);
    if (first.status !== 401) return first;
    this.#parts.token.forget();
    return this.#send(request, signal);
  }

  async #send({ method, path, microversion, body }: NovaRequest, signal: AbortSignal): Promise<NovaAnswer> {
    const { http, token } = this.#parts;
    const url = `${await this.endpoint(signal)}/${path}`;
    const headers = {
      Accept: 'application/json',
      'X-Auth-Token': await token.get(signal),
      'OpenStack-API-Version': `compute ${microversion}`,
      'X-OpenStack-Nova-API-Version': microversion,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await http.send({ method, url, headers, ...content, signal });
    const { status } = response;
    try {
      return { status, content: await jsonOf(response) };
    } catch (error) {
      // A proxy in front of Nova fails in HTML.
      if (status < 400) throw error;
      return { status, content: {} };
    }
  }
}

/** What Nova, or what stands before it, says of a request that it does not take. */
export function refusalOf({ status, content }: NovaAnswer): Error {
  const [fault] = isRecord(content) ? Object.values(content) : [];
  const reason = isRecord(fault) && typeof fault['message'] === 'string' ? `: ${fault['message']}` : '';
  return new Error(`Nova answers HTTP ${status}${reason}`);
}
