import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http, {
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import type https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** How a server is trusted, and how long it may be silent. */
export interface HttpSettings {
  readonly insecure: boolean;
  readonly cafile: string | undefined;
  readonly certfile: string | undefined;
  readonly keyfile: string | undefined;
  /** Seconds without a byte in either direction. */
  readonly timeout: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent with its length; a stream in chunks, so that a server sees where it was cut off. */
  readonly body?: string | Readable;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. */
  readonly body: IncomingMessage;
}

/** No answer came: no connection, a broken one, or silence. Another try, or another server, may do better. */
export class HttpUnanswered extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HttpUnanswered';
  }
}

/** Requests to services by HTTP, over connections that are kept. TLS and its files are loaded with the first that needs them. */
export class HttpClient {
  readonly #settings: HttpSettings;
  readonly #agents = new Map<string, Promise<Agent>>();

  constructor(settings: HttpSettings) {
    this.#settings = settings;
  }

  /** The answer, whatever its status. Rejects with HttpUnanswered when there is none, or with the signal's reason. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    request.signal.throwIfAborted();
    try {
      const message = await this.#exchange(request);
      return { status: message.statusCode ?? 0, headers: message.headers, body: message };
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw new HttpUnanswered(reasonOf(error), { cause: error });
    }
  }

  /** Ends idle connections. */
  async close(): Promise<void> {
    for (const agent of this.#agents.values()) (await agent).destroy();
  }

  async #exchange({ method, url, headers = {}, body, signal }: HttpRequest): Promise<IncomingMessage> {
    const target = new URL(url);
    const { request } = target.protocol === 'https:' ? tls() : http;
    const length = typeof body === 'string' ? { 'Content-Length': String(Buffer.byteLength(body)) } : {};
    const options: RequestOptions = { method, headers: { ...headers, ...length }, signal };
    options.agent = await this.#agentOf(target.protocol);
    const outgoing = request(target, options);
    outgoing.setTimeout(this.#settings.timeout * 1000, () =>
      outgoing.destroy(new Error(`no byte in ${this.#settings.timeout} s`)),
    );
    return answerTo(outgoing, body, signal);
  }

  #agentOf(protocol: string): Promise<Agent> {
    let agent = this.#agents.get(protocol);
    if (agent === undefined) {
      agent = this.#makeAgent(protocol);
      // Files that cannot be read now may be readable at the next request.
      agent.catch(() => this.#agents.delete(protocol));
      this.#agents.set(protocol, agent);
    }
    return agent;
  }

  async #makeAgent(protocol: string): Promise<Agent> {
    if (protocol !== 'https:') return new http.Agent({ keepAlive: true });
    const { cafile, certfile, keyfile, insecure } = this.#settings;
    const [ca, cert, key] = await Promise.all([cafile, certfile, keyfile].map((file) => file && readFile(file)));
    const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    return new (tls().Agent)({ keepAlive: true, rejectUnauthorized: !insecure, ...files });
  }
}

/** Loaded when somebody needs it. Not by import(): the workers' bundle is a script, which has none. */
function tls(): typeof https {
  return process.getBuiltinModule('node:https');
}

/** Reads a JSON answer of a sane size. */
export async function jsonOf({ body }: HttpResponse): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > 16 * 2 ** 20) throw new HttpUnanswered('an answer of more than 16 MiB');
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new HttpUnanswered(`an answer that is no JSON: ${text.slice(0, 100)}`, { cause: error });
  }
}

/** A server may refuse before it has read the body: its answer counts then, and the rest of the body is not sent. */
async function answerTo(
  outgoing: ClientRequest,
  body: string | Readable | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // Errors after the answer are those of its body, which tells them to whoever reads it.
  outgoing.on('error', () => {});
  const answer = once(outgoing, 'response').then(([message]) => message as IncomingMessage);
  if (body === undefined || typeof body === 'string') {
    outgoing.end(body);
    return answer;
  }
  let refusal: IncomingMessage | undefined;
  outgoing.once('response', (message: IncomingMessage) => {
    if ((message.statusCode ?? 0) < 400) return;
    refusal = message;
    body.destroy();
  });
  try {
    await Promise.all([pipeline(body, outgoing, { signal }), answer]);
    return await answer;
  } catch (error) {
    if (refusal !== undefined) return refusal;
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const causes = error instanceof AggregateError ? error.errors : [error];
  return causes.map((cause) => (cause instanceof Error ? cause.message : String(cause))).join('; ');
}
