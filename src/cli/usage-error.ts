/**
 * A command line that cannot be understood. `message` is the reason in argparse's words; `text` all that goes to stderr.
 * The program then ends with exit code 2 (L-005).
 */
export class UsageError extends Error {
  readonly exitCode = 2;
  readonly text: string;

  constructor(message: string, text: string) {
    super(message);
    this.name = 'UsageError';
    this.text = text;
  }
}

/** What is wrong with an argument, before anybody knows which usage to print with it. */
export class ArgumentFault extends Error {}
