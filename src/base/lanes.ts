/** Does something with each of several things, `width` of them at a time. When `signal` aborts no more are begun. */
export async function inLanes<T>(
  width: number,
  things: readonly T[],
  signal: AbortSignal,
  body: (thing: T) => Promise<void>,
): Promise<void> {
  const queue = [...things];
  const lane = async (): Promise<void> => {
    for (let thing = queue.shift(); thing !== undefined && !signal.aborted; thing = queue.shift()) await body(thing);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
