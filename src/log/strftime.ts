/**
 * Makes the function that prints a moment (epoch milliseconds) in local time by a pattern of strftime, as glibc does in the C
 * locale: an unknown directive stays as it is.
 */
export function compileStrftime(pattern: string): (time: number) => string {
  const pieces = pattern.split(/(%[-_0^#]?[A-Za-z%])/).filter((piece) => piece !== '');
  const parts = pieces.map((piece) => (piece.startsWith('%') && piece.length > 1 ? directive(piece) : piece));
  let second = Number.NaN;
  let text = '';
  return (time) => {
    const now = Math.floor(time / 1000);
    if (now !== second) {
      const date = new Date(time);
      text = parts.map((part) => (typeof part === 'string' ? part : part(date))).join('');
      second = now;
    }
    return text;
  };
}

/** Hours and minutes east of UTC: `+0130`, with a separator `+01:30`. */
export function zoneOffset(date: Date, separator = ''): string {
  const minutes = -date.getTimezoneOffset();
  const sign = minutes < 0 ? '-' : '+';
  return `${sign}${two(Math.floor(Math.abs(minutes) / 60))}${separator}${two(Math.abs(minutes) % 60)}`;
}

type Printer = (date: Date) => string;

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const printers: Readonly<Record<string, Printer>> = {
  a: (date) => weekday(date).slice(0, 3),
  A: weekday,
  b: (date) => month(date).slice(0, 3),
  B: month,
  c: (date) => compose(date, '%a %b %e %H:%M:%S %Y'),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  D: (date) => compose(date, '%m/%d/%y'),
  e: (date) => String(date.getDate()).padStart(2),
  F: (date) => compose(date, '%Y-%m-%d'),
  G: (date) => String(isoWeek(date).year),
  g: (date) => two(isoWeek(date).year % 100),
  h: (date) => month(date).slice(0, 3),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 || 12),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, '0'),
  k: (date) => String(date.getHours()).padStart(2),
  l: (date) => String(date.getHours() % 12 || 12).padStart(2),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  r: (date) => compose(date, '%I:%M:%S %p'),
  R: (date) => compose(date, '%H:%M'),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => two(date.getSeconds()),
  t: () => '\t',
  T: (date) => compose(date, '%H:%M:%S'),
  u: (date) => String(date.getDay() || 7),
  U: (date) => two(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => String(date.getDay()),
  W: (date) => two(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: (date) => compose(date, '%m/%d/%y'),
  X: (date) => compose(date, '%H:%M:%S'),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  z: (date) => zoneOffset(date),
  Z: zoneName,
  '%': () => '%',
};

/** One directive; glibc's flags are `-` (no padding), `_` (blanks), `^` (capitals), `0` and `#`. */
function directive(piece: string): Printer | string {
  const printer = printers[piece.slice(-1)];
  if (printer === undefined) return piece;
  switch (piece.length === 3 ? piece.charAt(1) : '') {
    case '-':
      return (date) => printer(date).replace(/^[0 ]+(?=.)/, '');
    case '_':
      return (date) => printer(date).replace(/^0+(?=.)/, (zeros) => ' '.repeat(zeros.length));
    case '^':
      return (date) => printer(date).toUpperCase();
    default:
      return printer;
  }
}

function compose(date: Date, pattern: string): string {
  return pattern.replace(/%(.)/g, (all, letter: string) => printers[letter]?.(date) ?? all);
}

function weekday(date: Date): string {
  return days[date.getDay()] ?? '';
}

function month(date: Date): string {
  return months[date.getMonth()] ?? '';
}

/** Made when asked for: `Intl` costs milliseconds to load. */
function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}

function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (day - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000;
}

/** The week that ISO 8601 counts by its Thursday, and the year it belongs to. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
