import type { Environment, Terminal } from '../../src/cli/environment.ts';
import type { OutputOptions } from '../../src/cli/output-options.ts';

/** A stream that remembers what was written to it. */
export class FakeTerminal implements Terminal {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number | undefined;

  constructor(columns?: number) {
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }
}

/** An environment of a command whose streams remember. */
export interface FakeEnvironment extends Environment {
  readonly stdout: FakeTerminal;
  readonly stderr: FakeTerminal;
}

export function anEnvironment(folder: string, more: Partial<Environment> = {}): FakeEnvironment {
  const { signal } = new AbortController();
  return {
    env: {},
    cwd: folder,
    home: folder,
    signal,
    ...more,
    stdout: new FakeTerminal(),
    stderr: new FakeTerminal(),
  };
}

/** The options of an answer, as a command without any has them. */
export function someOutput(more: Partial<OutputOptions> = {}): OutputOptions {
  return {
    format: 'table',
    columns: [],
    sortColumns: [],
    descending: false,
    noindent: false,
    quote: 'nonnumeric',
    prefix: '',
    maxWidth: 0,
    fitWidth: false,
    printEmpty: false,
    ...more,
  };
}
