import { request } from 'node:http';
import { isAbort, messageOf } from '../base/errors.ts';
import type { Answer } from './routes.ts';

/** Nobody answers at the admin socket: no daemon runs here, or another user's. */
export class NoDaemon extends Error {
  constructor(path: string, options?: ErrorOptions) {
    super(`no daemon answers at ${path}`, options);
    this.name = 'NoDaemon';
  }
}

/** What goes with a question to the daemon. */
export interface Question {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Milliseconds that an answer may take. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** Asks the running daemon by its admin socket. Throws NoDaemon where nobody answers in time. */
export function askDaemon(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  { body, timeout = 10_000, signal }: Question = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, method, path, timeout, agent: false, ...(signal && { signal }) };
    const outgoing = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 500, body: decode(text) }));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', (error) =>
      reject(isAbort(error) ? error : new NoDaemon(`${socketPath} (${messageOf(error)})`, { cause: error })),
    );
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
