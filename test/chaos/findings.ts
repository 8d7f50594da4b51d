/** What a run of chaos counts, and what went wrong in it. */
export class Findings {
  readonly violations: string[] = [];
  readonly operations = new Map<string, number>();
  readonly kills = new Map<string, number>();
  /** Milliseconds from the last kill of a round to rest. */
  readonly recoveries: number[] = [];
  #round = 0;

  begin(round: number): void {
    this.#round = round;
  }

  violated(text: string): void {
    this.violations.push(`round ${this.#round}: ${text}`);
    process.stdout.write(`VIOLATION round ${this.#round}: ${text}\n`);
  }

  operation(name: string, outcome: 'done' | 'failed'): void {
    count(this.operations, `${name} ${outcome}`);
  }

  kill(victim: string): void {
    count(this.kills, victim);
  }

  /** One line a figure, the last one for whoever reads only that. */
  summary(rounds: number): string {
    const sorted = [...this.recoveries].sort((a, b) => a - b);
    const at = (part: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
    return [
      `operations: ${listed(this.operations)}`,
      `kills: ${listed(this.kills)}`,
      `from the last kill to rest: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`,
      `${rounds} rounds, ${sum(this.kills)} kills, ${sum(this.operations)} operations, ${this.violations.length} violations`,
    ].join('\n');
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, one) => total + one, 0);
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, number]) => `${name} ${number}`)
    .join(', ');
}
