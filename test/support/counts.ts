/** How often each of some ids is there. */
export class Counts {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  add(id: string): void {
    this.#counts.set(id, this.of(id) + 1);
  }

  of(id: string): number {
    return this.#counts.get(id) ?? 0;
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Those of these that `others` do not have, or not as often. */
  missing(others: Counts): string[] {
    return [...this.#counts].filter(([id, count]) => others.of(id) < count).map(([id]) => id);
  }

  /** Those of these that `others` have more often. */
  surplus(others: Counts): string[] {
    return [...this.#counts].filter(([id, count]) => others.of(id) > count).map(([id]) => id);
  }
}
