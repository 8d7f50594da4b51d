/** Seconds with a unit, as status tables show them: `12 s`, `12 m 04 s`, `3 h 04 m`, `3 d 04 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)];
  if (days > 0) return `${days} d ${two(hours % 24)} h`;
  if (hours > 0) return `${hours} h ${two(minutes % 60)} m`;
  if (minutes > 0) return `${minutes} m ${two(seconds % 60)} s`;
  return `${seconds} s`;
}

export function mebibytes(bytes: number | null): string {
  return bytes === null ? '? MB' : `${Math.round(bytes / 1e6)} MB`;
}
