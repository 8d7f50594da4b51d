/**
 * The widest that each column may be so that a table fits `room` characters, as cliff shares them out: columns below the
 * average keep their width, the others get what is left, the last one the remainder. Nothing gets less than `least`.
 */
export function columnLimits(widths: readonly number[], room: number, least: number): readonly number[] {
  const frame = 1 + 3 * widths.length;
  const total = widths.reduce((sum, width) => sum + width, frame);
  if (total <= room || widths.length === 0) return widths.map(() => Number.POSITIVE_INFINITY);
  const usable = Math.max(0, room - frame);
  const average = Math.floor(usable / widths.length);
  const wide = [...widths.keys()].filter((index) => (widths[index] ?? 0) > average);
  const kept = widths.filter((width) => width <= average).reduce((sum, width) => sum + width, 0);
  const share = Math.floor((usable - kept) / wide.length);
  const last = usable - kept - share * (wide.length - 1);
  return widths.map((_, index) => {
    if (!wide.includes(index)) return Number.POSITIVE_INFINITY;
    return Math.max(least, index === wide.at(-1) ? last : share);
  });
}
