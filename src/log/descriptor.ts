import { writeSync } from 'node:fs';

const stderr = 2;

/** Writes all of `text` before it returns; throws what the system says. A pipe that is full is given `patience` milliseconds. */
export function writeAll(descriptor: number, text: string, patience: number): void {
  const bytes = Buffer.from(text);
  const deadline = Date.now() + patience;
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || Date.now() >= deadline) throw new PartialWrite(done, error);
      Atomics.wait(pause, 0, 0, 2);
    }
  }
}

/** Some of a text may have been written before it failed. */
export class PartialWrite extends Error {
  override readonly name = 'PartialWrite';
  readonly written: number;

  constructor(written: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.written = written;
  }
}

/** The last resort: a line on standard error. Where that fails too, nobody is left to be told. */
export function toStderr(text: string): void {
  try {
    writeAll(stderr, `${text}\n`, 20);
  } catch {
    // Standard error is closed or full; the daemon goes on.
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

const pause = new Int32Array(new SharedArrayBuffer(4));
