export type SlotKind = 'call' | 'cast';

/** The right to execute: so many at once, of which casts hold at most three quarters, so that attaching works while copies run. */
export class Slots {
  readonly total: number;
  readonly #mostCasts: number;
  readonly #taken = { call: 0, cast: 0 };

  constructor(total: number) {
    this.total = total;
    this.#mostCasts = Math.max(1, Math.floor((total * 3) / 4));
  }

  get taken(): number {
    return this.#taken.call + this.#taken.cast;
  }

  /** False when none is free for this kind. */
  take(kind: SlotKind): boolean {
    if (this.taken >= this.total || (kind === 'cast' && this.#taken.cast >= this.#mostCasts)) return false;
    this.#taken[kind] += 1;
    return true;
  }

  free(kind: SlotKind): void {
    this.#taken[kind] -= 1;
  }
}
