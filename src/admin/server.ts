import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { makeFolder } from '../base/folders.ts';
import type { ListenAddress } from '../base/listen-address.ts';
import { type Answer, BadRequest, type Routes } from './routes.ts';

/** Where the server listens: a path, or an address for health checks alone. */
type Place = { readonly path: string } | ListenAddress;

/** Bytes: no request here needs a body worth the name. */
const bodyLimit = 65_536;

/** A Unix socket's path is cut in silence beyond this many bytes. */
const pathLimit = 107;

/**
 * Answers HTTP on the admin socket or on a health address. The socket is for the daemon's own user and group (mode
 * 0660); one left behind by a dead daemon is replaced, one that answers belongs to another daemon and is an error.
 */
export async function listenHttp(address: Place, routes: Routes): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((request, response) => void answer(routes, request, response));
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 1_000;
  if ('path' in address) await claimSocket(address.path);
  await listen(server, address);
  if ('path' in address) await chmod(address.path, 0o660);
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, address: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve();
    });
  });
}

async function claimSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathLimit) {
    throw new Error(
      `the path of the admin socket is longer than ${pathLimit} bytes: ${path}; set [volume_daemon] admin_socket`,
    );
  }
  if (await somebodyAnswers(path))
    throw new Error(
      `another daemon answers at ${path}; stop it, or give this one its own state_path and [volume_daemon] admin_socket`,
    );
  await makeFolder(dirname(path), 0o750);
  await rm(path, { force: true });
}

function somebodyAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let result: Answer;
  try {
    result = await resultOf(routes, request);
  } catch (error) {
    result = { status: error instanceof BadRequest ? 400 : 500, body: { error: messageOf(error) } };
  }
  const text = typeof result.body === 'string' ? result.body : `${JSON.stringify(result.body)}\n`;
  const type = typeof result.body === 'string' ? (result.type ?? 'text/plain; charset=utf-8') : 'application/json';
  response.writeHead(result.status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : text);
}

async function resultOf(routes: Routes, request: IncomingMessage): Promise<Answer> {
  const url = urlOf(request);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes[`${method} ${url.pathname}`];
  return route === undefined ? missing(routes, url) : route(url.searchParams, await readBody(request));
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  const text = `http://daemon${url.startsWith('/') ? '' : '/'}${url}`;
  if (URL.canParse(text)) return new URL(text);
  throw new BadRequest(`'${url}' is no path`);
}

function missing(routes: Routes, url: URL): Answer {
  const others = Object.keys(routes).filter((key) => key.endsWith(` ${url.pathname}`));
  if (others.length > 0) return { status: 405, body: { error: `use ${others.join(' or ')}` } };
  return { status: 404, body: { error: `nothing at ${url.pathname}; try ${Object.keys(routes).join(', ')}` } };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > bodyLimit) throw new BadRequest(`a request of more than ${bodyLimit} bytes`);
  }
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch (error) {
    throw new BadRequest(`a body that is no JSON: ${messageOf(error)}`, { cause: error });
  }
}
