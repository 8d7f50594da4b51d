/** A start that failed for a reason which may be gone the next time: the worker ends, and its successor tries again. */
export class NotStarted extends Error {}
