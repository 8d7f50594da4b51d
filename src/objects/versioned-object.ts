import { CinderError, WrongValue } from '../base/errors.ts';
import { parseUtcTime, toWireTime, type UtcTime } from '../base/time.ts';

/** How one field travels: `decode` accepts what peers send (objects.md §3), `encode` writes what they expect. */
export interface Field<T> {
  decode(value: unknown): T;
  encode(value: T): unknown;
  /** May be absent from an object: then it is to be read from the database, never taken for empty (objects.md §4). */
  readonly lazy?: boolean;
}

type LazyField<T> = Field<T> & { readonly lazy: true };
type Fields = Readonly<Record<string, Field<never> | LazyField<never>>>;
type LazyKeys<F> = { [K in keyof F]: F[K] extends { readonly lazy: true } ? K : never }[keyof F];
type FieldValue<F> = F extends Field<infer T> ? T : never;

/** The TypeScript type of an object with these fields: what is lazy may be absent. */
export type ObjectOf<F> = { readonly [K in Exclude<keyof F, LazyKeys<F>>]: FieldValue<F[K]> } & {
  readonly [K in LazyKeys<F>]?: FieldValue<F[K]>;
};

/** The form of an object on the wire (objects.md §2). */
interface Primitive {
  readonly 'versioned_object.name': string;
  readonly 'versioned_object.namespace': 'cinder';
  readonly 'versioned_object.version': string;
  readonly 'versioned_object.data': Readonly<Record<string, unknown>>;
  readonly 'versioned_object.changes'?: readonly string[];
}

/** Reads and writes one class of versioned objects. */
export interface ObjectCodec<T> {
  readonly name: string;
  readonly version: string;
  /**
   * Decodes a primitive. Fields that are absent stay absent, unknown ones are ignored, any minor version is taken, since
   * no peer can downgrade for us (objects.md §5.4). Throws `ValueError` for a value that cannot be read, and
   * `UnsupportedObjectError` or `IncompatibleObjectVersion` for what is no such object.
   */
  decode(value: unknown): Partial<T>;
  /** Encodes what is set; absent fields stay absent. */
  encode(object: Partial<T>, changes?: readonly string[]): Primitive;
}

class UnsupportedObjectError extends CinderError {
  override readonly module = 'oslo_versionedobjects.exception';
}

class IncompatibleObjectVersion extends CinderError {
  override readonly module = 'oslo_versionedobjects.exception';
}

/** Defines a class of objects by its name, version and fields. */
export function versionedObject<F extends object>(name: string, version: string, fields: F): ObjectCodec<ObjectOf<F>> {
  const table = Object.entries(fields as Fields) as [string, Field<unknown>][];
  return {
    name,
    version,
    decode(value) {
      const data = openPrimitive(name, version, value);
      const object: Record<string, unknown> = {};
      for (const [key, field] of table) {
        const encoded = Object.hasOwn(data, key) ? data[key] : undefined;
        if (encoded !== undefined) object[key] = within(`${name}.${key}`, () => field.decode(encoded));
      }
      return object as Partial<ObjectOf<F>>;
    },
    encode(object, changes = []) {
      const values = object as Readonly<Record<string, unknown>>;
      const data: Record<string, unknown> = {};
      for (const [key, field] of table) {
        if (values[key] !== undefined) data[key] = field.encode(values[key]);
      }
      return {
        'versioned_object.name': name,
        'versioned_object.namespace': 'cinder',
        'versioned_object.version': version,
        'versioned_object.data': data,
        ...(changes.length > 0 ? { 'versioned_object.changes': changes } : {}),
      };
    },
  };
}

export const string: Field<string> = {
  decode(value) {
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    throw unreadable('a string', value);
  },
  encode: (value) => value,
};

/** Any text is taken: upstream only warns of what is no UUID. */
export const uuid: Field<string> = { ...string };

export const int: Field<number> = {
  decode(value) {
    if (typeof value === 'boolean') return value ? 1 : 0;
    if (typeof value === 'number' && Number.isFinite(value)) return Math.trunc(value);
    if (typeof value === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(value)) return Number(value);
    throw unreadable('an integer', value);
  },
  encode: (value) => value,
};

/** Python's truth: any text but the empty one is true. */
export const bool: Field<boolean> = {
  decode(value) {
    if (typeof value === 'object' && value !== null) throw unreadable('a boolean', value);
    return Boolean(value);
  },
  encode: (value) => value,
};

export const time: Field<UtcTime> = {
  decode(value) {
    const moment = typeof value === 'string' ? parseUtcTime(value) : undefined;
    if (moment === undefined) throw unreadable('a time', value);
    return moment;
  },
  encode: toWireTime,
};

/** A word of a list: another one fails the whole message, as upstream (objects.md §3). */
export function oneOf<const W extends readonly string[]>(words: W): Field<W[number]> {
  return {
    decode(value) {
      if (typeof value === 'string' && words.includes(value)) return value as W[number];
      throw unreadable(`one of ${words.join(', ')}`, value);
    },
    encode: (value) => value,
  };
}

/** Any JSON. */
export const json: Field<unknown> = { decode: (value) => value, encode: (value) => value };

export function nullable<T>(field: Field<T>): Field<T | null> {
  return {
    decode: (value) => (value === null ? null : field.decode(value)),
    encode: (value) => (value === null ? null : field.encode(value)),
  };
}

export function lazy<T>(field: Field<T>): LazyField<T> {
  return { ...field, lazy: true };
}

export function list<T>(field: Field<T>): Field<readonly T[]> {
  return {
    decode(value) {
      if (!Array.isArray(value)) throw unreadable('a list', value);
      return value.map((item) => field.decode(item));
    },
    encode: (values) => values.map((value) => field.encode(value)),
  };
}

export function dict<T>(field: Field<T>): Field<Readonly<Record<string, T>>> {
  return {
    decode(value) {
      if (!isRecord(value)) throw unreadable('a dictionary', value);
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, field.decode(item)]));
    },
    encode: (values) => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, field.encode(value)])),
  };
}

/** A nested object. */
export function nested<T>(codec: ObjectCodec<T>): Field<Partial<T>> {
  return { decode: (value) => codec.decode(value), encode: (value) => codec.encode(value) };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function openPrimitive(name: string, version: string, value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw unreadable(`a ${name} object`, value);
  const found = value['versioned_object.name'];
  if (found !== name || value['versioned_object.namespace'] !== 'cinder') {
    throw new UnsupportedObjectError(
      `Unsupported object type ${typeof found === 'string' ? found : 'without a name'}, expected ${name}`,
    );
  }
  const wireVersion = value['versioned_object.version'];
  const major = version.split('.')[0];
  if (typeof wireVersion !== 'string' || wireVersion.split('.')[0] !== major) {
    throw new IncompatibleObjectVersion(
      `Version ${String(wireVersion)} of ${name} is not supported, supported version is ${version}`,
    );
  }
  const data = value['versioned_object.data'];
  if (!isRecord(data)) throw unreadable(`the data of a ${name}`, data);
  return data;
}

function within<T>(place: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WrongValue) throw new WrongValue(`${place}: ${error.message}`, {}, { cause: error });
    throw error;
  }
}

function unreadable(expected: string, value: unknown): WrongValue {
  const text = JSON.stringify(value) ?? String(value);
  return new WrongValue(`expected ${expected}, got ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`);
}
