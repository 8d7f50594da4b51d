/** Where a value stands. `section` tells a backend's own section from `[backend_defaults]`. */
export type Origin =
  | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly section: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'command line'; readonly spelled: string }
  | { readonly kind: 'default' };

/** `file:line`, `OS_GROUP__OPTION`, `command line` or `default`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'environment':
      return origin.name;
    default:
      return origin.kind;
  }
}

/** One thing that is wrong with a configuration. Nothing secret stands in either text. */
export interface Problem {
  /** The whole sentence, as the daemon says it: upstream's words with file and line (C-030, config.md §3.1). */
  readonly message: string;
  /** The line of `config check`: place first, then section, option and reason. */
  readonly finding: string;
  /** What is wrong, without the place. */
  readonly reason: string;
  /** Where it stands: `file:line`, a variable, an option of the command line. */
  readonly place: string;
}

/**
 * Why a text is no value of its option: thrown inside the room, turned into a Problem where the place is known. `words`
 * puts the offending text into the sentence; of a secret option it gets `***` instead (C-082).
 */
export class NotValid extends Error {
  readonly discreet: string;

  constructor(words: string | ((text: string) => string), text = '') {
    super(typeof words === 'string' ? words : words(text));
    this.discreet = typeof words === 'string' ? words : words('***');
  }
}

/** The same as a failure to read the option, or one that refers to it: the problem stands at the option that is wrong. */
export class Unusable extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

/**
 * What cannot be used, with everything that is wrong and not only the first of it. `message` is one line: the first
 * problem, and how many more there are (L-006, L-007).
 */
export class ConfigurationError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    const more = problems.length - 1;
    const rest = more > 0 ? ` (and ${more} more, 'config check' lists all)` : '';
    super(`${problems[0]?.message ?? 'the configuration cannot be used'}${rest}`, options);
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

/** A problem of a file as a whole, or of a line of it. */
export function fileProblem(message: string): Problem {
  return { message, finding: message, reason: message, place: '' };
}

/** A problem of an option: `what` is the option as `config check` shows it, such as `[ceph] rbd_max_clone_depth = five`. */
export function optionProblem(message: string, place: string, what: string, reason: string): Problem {
  return { message, place, reason, finding: `${place}: ${what}: ${reason}` };
}
