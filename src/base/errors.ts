/** A value that JSON can carry without loss: what the `kwargs` of an exception may hold on the wire (rpc.md §2.2). */
export type Scalar = string | number | boolean | null;

/**
 * A failure that a caller may see. The class bears the name of a class in `cinder.exception`, because the name is
 * protocol: the other side builds that class from `args` and `kwargs` and takes its HTTP code from it (rpc.md §2.2).
 *
 * `message` is the finished sentence, `kwargs` are the values that stand in it.
 */
export class CinderError extends Error {
  /** Python module of the class, as the peer looks it up. */
  readonly module: string = 'cinder.exception';
  readonly kwargs: Readonly<Record<string, Scalar>>;

  constructor(message: string, kwargs: Readonly<Record<string, Scalar>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.kwargs = kwargs;
  }
}

/** What was thrown, as text: the message of an error, anything else spelled out. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True where `error` only says that somebody aborted: nobody needs to be told of it again. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/** Python's ValueError: a value of the right type that cannot be right. */
export class WrongValue extends CinderError {
  override readonly module = 'builtins';
  override readonly name = 'ValueError';
}

/** Python's TypeError: an argument that is missing, unknown or of the wrong type. */
export class WrongType extends CinderError {
  override readonly module = 'builtins';
  override readonly name = 'TypeError';
}
