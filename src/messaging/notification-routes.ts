import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { messageOf } from '../base/errors.ts';
import { fnmatch } from '../base/fnmatch.ts';

/** A rule of the notification driver `routing`: what goes to another driver. */
export interface NotificationRoute {
  readonly driver: string;
  accepts(eventType: string, priority: string): boolean;
}

/**
 * Reads the rules in the file that `routing_config` names, in oslo.messaging's form: groups of any name, in each of them
 * drivers with the patterns of the events and priorities that they accept, all of them where it names none (L-094). Throws
 * an error that names the file where it cannot be read or says something else.
 */
export async function readRoutes(file: string): Promise<readonly NotificationRoute[]> {
  try {
    const text = await readFile(file, 'utf8');
    const groups: unknown = parse(text, { version: '1.1', prettyErrors: true });
    return Object.entries(mapping(groups, 'groups')).flatMap(([group, drivers]) =>
      Object.entries(mapping(drivers, group)).map(([driver, rules]) =>
        routeOf(driver, mapping(rules, `${group}.${driver}`)),
      ),
    );
  } catch (error) {
    throw new Error(`routing_config ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function routeOf(driver: string, rules: Readonly<Record<string, unknown>>): NotificationRoute {
  const events = patterns(rules, 'accepted_events');
  const priorities = patterns(rules, 'accepted_priorities')?.map((pattern) => pattern.toLowerCase());
  const [byEvent, byPriority] = [events?.map(fnmatch), priorities?.map(fnmatch)];
  return {
    driver,
    accepts: (eventType, priority) =>
      byEvent?.some((pattern) => pattern.test(eventType)) !== false &&
      byPriority?.some((pattern) => pattern.test(priority)) !== false,
  };
}

function patterns(rules: Readonly<Record<string, unknown>>, key: string): readonly string[] | undefined {
  const value = rules[key];
  if (value === undefined) return undefined;
  const isText = (item: unknown): item is string => typeof item === 'string';
  if (!Array.isArray(value) || !value.every(isText)) throw new Error(`${key}: expected a list of patterns`);
  return value;
}

/** What is left empty in YAML is null. */
function mapping(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Error(`${where}: expected a mapping`);
  return value as Readonly<Record<string, unknown>>;
}
