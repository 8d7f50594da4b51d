import { isRecord } from '../objects/versioned-object.ts';
import { type HttpClient, jsonOf } from './http.ts';
import type { AuthValues } from './options.ts';

/** Seconds before its end at which a token is replaced: what is asked with it may take a moment. */
const margin = 60;

interface Token {
  readonly text: string;
  /** Milliseconds of the wall clock. */
  readonly until: number;
  readonly catalogue: readonly unknown[];
}

/** The daemon's own token, from Keystone, by the auth options of one section. Asked for once and kept until it ends. */
export class ServiceToken {
  readonly #http: HttpClient;
  readonly #values: AuthValues;
  #token: Promise<Token> | undefined;

  constructor(http: HttpClient, values: AuthValues) {
    this.#http = http;
    this.#values = values;
  }

  /** Rejects with why there is none. */
  async get(signal: AbortSignal): Promise<string> {
    return (await this.#fresh(signal)).text;
  }

  /** The endpoint of a service in the catalogue of the token. Rejects where it has none. */
  async endpoint(type: string, kind: string, region: string | undefined, signal: AbortSignal): Promise<string> {
    const { catalogue } = await this.#fresh(signal);
    for (const service of catalogue) {
      if (!isRecord(service) || service['type'] !== type || !Array.isArray(service['endpoints'])) continue;
      const found = service['endpoints'].find(
        (endpoint) =>
          isRecord(endpoint) && endpoint['interface'] === kind && [undefined, endpoint['region']].includes(region),
      );
      if (isRecord(found) && typeof found['url'] === 'string') return found['url'].replace(/\/+$/, '');
    }
    throw new Error(`the catalogue has no ${kind} endpoint of ${type}${region === undefined ? '' : ` in ${region}`}`);
  }

  async #fresh(signal: AbortSignal): Promise<Token> {
    const kept = await this.#token?.catch(() => undefined);
    if (kept !== undefined && kept.until > Date.now()) return kept;
    this.#token = this.#ask(signal);
    return this.#token;
  }

  /** The token was refused: the next request asks for another. */
  forget(): void {
    this.#token = undefined;
  }

  async #ask(signal: AbortSignal): Promise<Token> {
    const { auth_url } = this.#values;
    if (auth_url === undefined) throw new Error('auth_url is not set');
    const url = `${auth_url.replace(/\/+$/, '').replace(/\/v3$/, '')}/v3/auth/tokens`;
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
    const body = JSON.stringify({ auth: authBody(this.#values) });
    const response = await this.#http.send({ method: 'POST', url, headers, body, signal });
    const answer = await jsonOf(response);
    const token = isRecord(answer) && isRecord(answer['token']) ? answer['token'] : {};
    const text = response.headers['x-subject-token'];
    if (response.status !== 201 || typeof text !== 'string') {
      throw new Error(`Keystone at ${auth_url} gives no token: HTTP ${response.status}`);
    }
    const until = Date.parse(String(token['expires_at']));
    const catalogue = Array.isArray(token['catalog']) ? token['catalog'] : [];
    return { text, catalogue, until: (Number.isNaN(until) ? Date.now() + 300_000 : until) - margin * 1000 };
  }
}

/** The `auth` of a token request. */
function authBody(values: AuthValues): Record<string, unknown> {
  const { application_credential_secret: secret, auth_type } = values;
  const user = {
    ...(values.user_id === undefined ? { name: values.username } : { id: values.user_id }),
    ...(values.user_id === undefined && { domain: domainOf(values, 'user') }),
  };
  if (auth_type === 'v3applicationcredential') {
    const { application_credential_id: id, application_credential_name: name } = values;
    const credential = id === undefined ? { name, user, secret } : { id, secret };
    return { identity: { methods: ['application_credential'], application_credential: credential } };
  }
  if (auth_type !== undefined && !['password', 'v3password'].includes(auth_type)) {
    throw new Error(`auth_type ${auth_type} is not known; expected password or v3applicationcredential`);
  }
  const { project_id, project_name } = values;
  const project =
    project_id === undefined ? { name: project_name, domain: domainOf(values, 'project') } : { id: project_id };
  return {
    identity: { methods: ['password'], password: { user: { ...user, password: values.password } } },
    ...((project_id ?? project_name) === undefined ? {} : { scope: { project } }),
  };
}

function domainOf(values: AuthValues, of: 'user' | 'project'): { id: string } | { name: string } {
  const [id, name] =
    of === 'user'
      ? [values.user_domain_id, values.user_domain_name]
      : [values.project_domain_id, values.project_domain_name];
  if (id !== undefined) return { id };
  if (name !== undefined) return { name };
  return values.default_domain_name === undefined
    ? { id: values.default_domain_id ?? 'default' }
    : { name: values.default_domain_name };
}
