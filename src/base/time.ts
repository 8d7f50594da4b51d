/** Brands a string whose form one parser has checked. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/**
 * A moment as `YYYY-MM-DDTHH:MM:SS.ffffff`, UTC without a zone: what the tables hold and the scheduler parses
 * (rpc.md §5.1). Two of them compare as text.
 */
export type UtcTime = Brand<string, 'UtcTime'>;

const form = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * Now, by the wall clock, with microseconds. Calls that follow each other within a millisecond count on, so that a time
 * can serve as a compare-and-set token; a clock that is set back is followed.
 */
export function utcNow(): UtcTime {
  const now = Date.now() * 1000;
  last = now > last || now < last - 1_000_000 ? now : last + 1;
  return fromMicros(last);
}

let last = 0;

/** `time` moved by `seconds`, which may be negative. */
export function plusSeconds(time: UtcTime, seconds: number): UtcTime {
  return fromMicros(toMicros(time) + Math.round(seconds * 1_000_000));
}

/** Seconds from `earlier` to `later`. */
export function secondsBetween(earlier: UtcTime, later: UtcTime): number {
  return (toMicros(later) - toMicros(earlier)) / 1_000_000;
}

/**
 * Reads the forms that peers and databases use: blank or `T`, with or without fraction, with zone or without (then
 * UTC). Anything else gives undefined.
 */
export function parseUtcTime(text: string): UtcTime | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, date, clock, fraction = '', zone] = match;
  const micros = `${fraction}000000`.slice(0, 6);
  const millis = Date.parse(`${date}T${clock}.000${zone === undefined ? 'Z' : zone}`);
  return Number.isNaN(millis) ? undefined : fromMicros(millis * 1000 + Number(micros));
}

/** The moment in whole seconds with a `Z`: how a datetime field travels in a versioned object (objects.md §3). */
export function toWireTime(time: UtcTime): string {
  return `${time.slice(0, 19)}Z`;
}

function fromMicros(micros: number): UtcTime {
  const millis = Math.floor(micros / 1000);
  const iso = new Date(millis).toISOString().slice(0, 23);
  return `${iso}${String(micros - millis * 1000).padStart(3, '0')}` as UtcTime;
}

function toMicros(time: UtcTime): number {
  return Date.parse(`${time.slice(0, 23)}Z`) * 1000 + Number(time.slice(23));
}
