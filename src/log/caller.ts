import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a record was logged (G-015). */
export interface Caller {
  readonly funcName: string;
  readonly pathname: string;
  readonly filename: string;
  readonly module: string;
  readonly lineno: number;
}

/** The place that called `callee`, a function that is running. One frame is captured: some microseconds. */
export function callerOf(callee: (...args: never[]) => unknown): Caller {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(holder, callee);
  Error.stackTraceLimit = limit;
  const stack = holder.stack ?? '';
  const known = places.get(stack);
  if (known !== undefined) return known;
  if (places.size >= 2000) places.clear();
  const place = parsed(stack);
  places.set(stack, place);
  return place;
}

/** By stack; the source has only so many calls, the bound is for code that is made at run time. */
const places = new Map<string, Caller>();

function parsed(stack: string): Caller {
  const frame = form.exec(stack);
  const pathname = pathOf(frame?.[2] ?? '');
  const filename = basename(pathname);
  return {
    funcName: functionOf(frame?.[1]),
    pathname,
    filename,
    module: filename.replace(/\.[^.]*$/, ''),
    lineno: Number(frame?.[3] ?? 0),
  };
}

const form = /^\s*at (?:(.*) \()?(.*?):(\d+):\d+\)?$/m;

/** `async VolumeManager.createVolume [as run]` is `createVolume`. */
function functionOf(text: string | undefined): string {
  const name = text?.replace(/ \[as .*\]$/, '').replace(/^.*[ .]/, '');
  return name === undefined || name === '' ? '<anonymous>' : name;
}

function pathOf(location: string): string {
  const place = location.replace(/^async /, '');
  return place.startsWith('file:') ? fileURLToPath(place) : place;
}
