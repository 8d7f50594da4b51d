import { messageOf } from '../base/errors.ts';
import type { Terminal } from './environment.ts';

/** What an answer goes to: a terminal, a pipe, a file. */
type Stream = Pick<NodeJS.WriteStream, 'write' | 'on' | 'isTTY' | 'columns'>;

/** The variables that say how a terminal likes it. */
type Variables = Readonly<Record<string, string | undefined>>;

/**
 * A stream that may break. After that nothing is written any more, and `broken` has been called: whoever only follows
 * something has nobody left to tell.
 */
export class Output implements Terminal {
  readonly #stream: Stream;
  readonly #env: Variables;
  #fault: Error | undefined;

  constructor(stream: Stream, env: Variables, broken: () => void = () => {}) {
    this.#stream = stream;
    this.#env = env;
    stream.on('error', (error: Error) => {
      this.#fault ??= error;
      broken();
    });
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  /** `COLUMNS` says more than the terminal, as for Python's programs. */
  get columns(): number | undefined {
    const { COLUMNS: wanted } = this.#env;
    return wanted !== undefined && /^[1-9]\d{0,3}$/.test(wanted) ? Number(wanted) : this.#stream.columns;
  }

  get colours(): boolean {
    return this.isTTY && !this.#env['NO_COLOR'] && this.#env['TERM'] !== 'dumb';
  }

  write(text: string): void {
    if (this.#fault === undefined) this.#stream.write(text);
  }

  /**
   * Resolves when everything is written, or to why it could not be. A reader that has seen enough (`| head -1`) is no
   * reason.
   */
  async ended(): Promise<string | undefined> {
    if (this.#fault === undefined) {
      await new Promise<void>((resolve) => {
        this.#stream.write('', (error) => {
          this.#fault ??= error ?? undefined;
          resolve();
        });
      });
    }
    const fault = this.#fault;
    return fault === undefined || ('code' in fault && fault.code === 'EPIPE') ? undefined : messageOf(fault);
  }
}
