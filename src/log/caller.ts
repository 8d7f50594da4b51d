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
  const frame = form.exec(holder.stack ?? '');
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
