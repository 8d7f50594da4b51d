import type { Level } from '../base/log.ts';
import type { Interval } from './rotation.ts';

/** Where records go to. Two equal specifications are one place. */
export type SinkSpec =
  | { readonly kind: 'stdout' | 'stderr' | 'null' }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly compare: boolean;
      readonly rotation: RotationSpec;
      readonly alsoOnStderr: boolean;
    }
  | { readonly kind: 'syslog'; readonly facility: number; readonly socket: string | undefined }
  | { readonly kind: 'journal'; readonly facility: number };

export type RotationSpec =
  | { readonly type: 'none' }
  | { readonly type: 'size'; readonly bytes: number; readonly count: number }
  | { readonly type: 'interval'; readonly unit: Interval; readonly amount: number; readonly count: number };

/** How a record is spelled there. */
export type FormatSpec =
  | { readonly kind: 'context'; readonly datefmt: string | undefined; readonly color: boolean }
  | { readonly kind: 'json' | 'fluent'; readonly datefmt: string | undefined }
  | { readonly kind: 'plain'; readonly format: string; readonly datefmt: string | undefined };

/** A place and a spelling, from a level on (Python's handler). */
export interface Outlet {
  readonly sink: SinkSpec;
  readonly format: FormatSpec;
  readonly level: Level;
}

/** What is said of one logger and those below it. */
export interface LoggerRule {
  /** Undefined: as the logger above. */
  readonly level: number | undefined;
  readonly outlets: readonly Outlet[];
  /** Whether records also go where those of the logger above go. */
  readonly propagate: boolean;
}

/** What the configuration says of loggers, by name; the root is the empty name (G-042). */
export interface Routing {
  readonly rules: ReadonlyMap<string, LoggerRule>;
  /** What an operator should know of the configuration. */
  readonly warnings: readonly string[];
}

/** The level of the longest name above that has one. */
export function levelOf(routing: Routing, name: string): number {
  for (const rule of rulesAbove(routing, name)) {
    if (rule.level !== undefined) return rule.level;
  }
  return 30;
}

/** Where the records of a logger go. */
export function outletsOf(routing: Routing, name: string): readonly Outlet[] {
  const outlets: Outlet[] = [];
  for (const rule of rulesAbove(routing, name)) {
    outlets.push(...rule.outlets);
    if (!rule.propagate) break;
  }
  return outlets;
}

/** The rules for `a.b.c`, `a.b`, `a` and the root, as far as there are any. */
function* rulesAbove(routing: Routing, name: string): Generator<LoggerRule> {
  for (let at = name; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const rule = routing.rules.get(at);
    if (rule !== undefined) yield rule;
  }
  const root = routing.rules.get('');
  if (root !== undefined) yield root;
}
