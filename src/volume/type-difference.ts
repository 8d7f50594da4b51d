import type { Tables } from '../interface/database.ts';

type Pairs = Readonly<Record<string, readonly [string | null, string | null]>>;

/** What differs between two volume types, by name: the old value and the new one (manager.md §9.6). */
export interface TypeDifference {
  readonly extra_specs: Pairs;
  readonly qos_specs: Pairs;
  readonly encryption: Pairs;
}

/** Compares two types; deleted ones are found, too. */
export async function typeDifference(tx: Tables, oldId: string | null, newId: string): Promise<TypeDifference> {
  const [before, after] = [await sidesOf(tx, oldId), await sidesOf(tx, newId)];
  return {
    extra_specs: pairs(before.extra_specs, after.extra_specs),
    qos_specs: pairs(before.qos_specs, after.qos_specs),
    encryption: pairs(before.encryption, after.encryption),
  };
}

export function isEmpty(pairsOrDifference: Pairs): boolean {
  return Object.keys(pairsOrDifference).length === 0;
}

/** True where the backend has nothing to do. */
export function isSame({ extra_specs, qos_specs, encryption }: TypeDifference): boolean {
  return isEmpty(extra_specs) && isEmpty(qos_specs) && isEmpty(encryption);
}

/** Specs that say where a volume may be, and nothing of how it is kept there. */
const placement = ['volume_backend_name', 'RESKEY:availability_zones'];

/** True where a driver may move the volume itself (manager.md §9.1 step 4). */
export function allowsAssistance({ extra_specs, qos_specs, encryption }: TypeDifference): boolean {
  const others = Object.keys(extra_specs).filter((key) => !placement.includes(key));
  return others.length === 0 && isEmpty(qos_specs) && isEmpty(encryption);
}

type Specs = Readonly<Record<string, string | null>>;

async function sidesOf(tx: Tables, id: string | null): Promise<Record<keyof TypeDifference, Specs>> {
  const type = id === null ? undefined : await tx.volumeTypes.get(id);
  const qos = type?.qos_specs_id ? await tx.volumeTypes.qosSpecs(type.qos_specs_id) : undefined;
  return {
    extra_specs: type?.extra_specs ?? {},
    qos_specs: qos === undefined ? {} : { ...qos.specs, consumer: qos.consumer },
    encryption: (id === null ? undefined : await tx.volumeTypes.encryption(id)) ?? {},
  };
}

function pairs(before: Specs, after: Specs): Pairs {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const both = keys.map((key) => [key, [before[key] ?? null, after[key] ?? null] as const] as const);
  return Object.fromEntries(both.filter(([, [one, other]]) => one !== other));
}
