import { CinderError, messageOf } from '../base/errors.ts';
import { ProcessExecutionError } from '../interface/executor.ts';
import { VolumeBackendAPIException } from '../objects/exceptions.ts';

/**
 * Does some work on the storage. Its failure is thrown as a VolumeBackendAPIException that says what could not be done and
 * why; an abort, and what is a sentence for the manager already, stay what they are.
 */
export async function attempt<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageFailure(error, what, signal);
  }
}

function storageFailure(error: unknown, what: string, signal?: AbortSignal): unknown {
  if (signal?.aborted && error === signal.reason) return error;
  if (error instanceof CinderError && !(error instanceof ProcessExecutionError)) return error;
  return new VolumeBackendAPIException({ data: `${what}: ${reasonOf(error)}` }, { cause: error });
}

function reasonOf(error: unknown): string {
  const full = 'no space left on the file system';
  if (error instanceof ProcessExecutionError) {
    return /No space left on device|Disk quota exceeded/.test(error.stderr)
      ? full
      : error.stderr.trim() || error.message;
  }
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return full;
    case 'EFBIG':
    case 'EINVAL':
      return `larger than a file can be here (${messageOf(error)})`;
    default:
      return messageOf(error);
  }
}
