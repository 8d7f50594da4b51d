/** A start after this much life, in milliseconds, is no crash loop: waits begin anew. */
const healthy = 60_000;

/**
 * When the next start of one job may come (L-103): the first at once, then after 1, 2, 4 … seconds up to `most`, until a
 * child has lived for a minute. Each job has its own, so that one that crashes never delays another.
 */
export class RespawnPlan {
  readonly #most: number;
  #quickDeaths = 0;

  /** `most` in milliseconds. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Milliseconds to wait before the next start, given how long the last child lived. */
  waitAfter(lived: number): number {
    if (lived >= healthy) this.#quickDeaths = 0;
    const wait = this.#quickDeaths === 0 ? 0 : Math.min(this.#most, 1000 * 2 ** (this.#quickDeaths - 1));
    this.#quickDeaths++;
    return wait;
  }
}
