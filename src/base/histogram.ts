/** Numbers sorted by size, in a form that can be told to another process. */
export interface HistogramCounts {
  /** Upper limits, rising. */
  readonly bounds: readonly number[];
  /** How many numbers were at most as large as the limit in the same place. */
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** Counts numbers by their size. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #atMost: number[];
  #count = 0;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#atMost = bounds.map(() => 0);
  }

  add(value: number): void {
    this.#count++;
    this.#sum += value;
    for (const [index, bound] of this.#bounds.entries()) {
      if (value <= bound) this.#atMost[index] = (this.#atMost[index] ?? 0) + 1;
    }
  }

  get counts(): HistogramCounts {
    return { bounds: this.#bounds, atMost: [...this.#atMost], count: this.#count, sum: this.#sum };
  }
}
