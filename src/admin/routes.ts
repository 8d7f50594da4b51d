import { type BackendStatus, type DaemonStatus, isUp, type ReloadResult } from '../interface/daemon-status.ts';
import { isRecord } from '../objects/versioned-object.ts';

export interface Answer {
  readonly status: number;
  /** Text as it stands, anything else as JSON. */
  readonly body: unknown;
  readonly type?: string;
}

/** A request that makes no sense: 400, with these words. */
export class BadRequest extends Error {}

/** `METHOD /path` to what answers it. */
export type Routes = Readonly<Record<string, (query: URLSearchParams, body: unknown) => Promise<Answer> | Answer>>;

/** What the admin socket can ask the supervisor to do. */
export interface DaemonControl {
  status(): DaemonStatus;
  /** Stops taking messages, for one backend or all; `false` takes it back. Does not wait. */
  drain(backend: string | undefined, on: boolean): void;
  reload(): Promise<ReloadResult>;
  /** Tries the driver's set-up now. False when there is no such backend. */
  reinit(backend: string): boolean;
}

/**
 * Health answers (O-15). `/livez` is the supervisor's loop alone and depends on nothing else; `/readyz` is one backend up,
 * `?backend=x` that one, `?all` every one. 200 or 503.
 */
export function healthRoutes(status: () => DaemonStatus): Routes {
  return {
    'GET /livez': () => ({ status: 200, body: 'ok\n' }),
    'GET /readyz': (query) => {
      const { backends } = status();
      const name = query.get('backend');
      const asked = name === null ? backends : backends.filter((backend) => backend.name === name);
      const ready = query.has('all') ? asked.length > 0 && asked.every(isUp) : asked.some(isUp);
      return {
        status: ready ? 200 : 503,
        body: asked.map(line).join('') || `no such backend: ${name ?? 'none enabled'}\n`,
      };
    },
    'GET /status': () => ({ status: 200, body: status() }),
  };
}

/** Everything that the admin socket answers: health, and what changes the daemon. */
export function adminRoutes(control: DaemonControl): Routes {
  const known = (name: string): boolean => control.status().backends.some((backend) => backend.name === name);
  return {
    ...healthRoutes(() => control.status()),
    'POST /drain': (_query, body) => {
      const { backend, on = true } = fieldsOf(body);
      if (backend !== undefined && typeof backend !== 'string') throw new BadRequest("'backend' is no text");
      if (typeof on !== 'boolean') throw new BadRequest("'on' is neither true nor false");
      if (backend !== undefined && !known(backend)) return unknownBackend(backend);
      control.drain(backend, on);
      return { status: 200, body: {} };
    },
    'POST /reload': async () => {
      const result = await control.reload();
      return { status: result.problems.length === 0 ? 200 : 422, body: result };
    },
    'POST /reinit': (_query, body) => {
      const { backend } = fieldsOf(body);
      if (typeof backend !== 'string') throw new BadRequest("'backend' is missing, or no text");
      return control.reinit(backend) ? { status: 200, body: {} } : unknownBackend(backend);
    },
  };
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (body === undefined) return {};
  if (!isRecord(body)) throw new BadRequest('a body that is no JSON object');
  return body;
}

function unknownBackend(name: string): Answer {
  return { status: 404, body: { error: `no backend named '${name}' is enabled` } };
}

function line({ name, state, reason, responding }: BackendStatus): string {
  return `${name} ${responding ? state : 'not responding'}${reason === null ? '' : `: ${reason}`}\n`;
}
