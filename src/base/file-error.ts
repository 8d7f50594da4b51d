/**
 * Runs `body`, which works on the file `path`. What Node says of an open file that cannot be written names no path (`ENOSPC: no
 * space left on device, write`); the error then gets it, as those of paths have it. Rejects with what `body` rejects with.
 */
export async function naming<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && !('path' in error)) {
      error.message += ` '${path}'`;
      Object.assign(error, { path });
    }
    throw error;
  }
}
