import { DatabaseError, type DatabaseErrorKind } from '../interface/database.ts';

/** What the engine does about an error of a server. */
export interface Remedy {
  /** The connection is gone, or of no more use. */
  readonly lost?: boolean;
  /** All connections lead to a server that will not do: it is going down, or has become a replica. */
  readonly moved?: boolean;
  /** The transaction stood in the way of another one and is undone; a new one may pass. */
  readonly conflict?: boolean;
  /** A row with this key exists: another look may find it, where somebody else was quicker. */
  readonly duplicate?: boolean;
  /** The answer to a commit was lost: it happened, or it did not. */
  readonly unknownOutcome?: boolean;
}

/** A DatabaseError of a database server. Its cause is made anew: the client's own has the statement with its values. */
export class ServerError extends DatabaseError {
  readonly remedy: Remedy;

  constructor(kind: DatabaseErrorKind, message: string, remedy: Remedy, cause?: { code?: unknown; message: string }) {
    super(kind, message, cause === undefined ? undefined : { cause: new Error(causeText(cause)) });
    this.remedy = remedy;
  }
}

function causeText({ code, message }: { code?: unknown; message: string }): string {
  return typeof code === 'string' && !message.includes(code) ? `${code}: ${message}` : message;
}
