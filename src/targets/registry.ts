import type { ReadOptions } from '../interface/options.ts';
import type { TargetDriver } from '../interface/target-driver.ts';
import { type TargetValues, targetOptions } from './options.ts';
import type { TargetParts } from './parts.ts';

type Make = (parts: TargetParts, values: TargetValues) => Promise<TargetDriver>;

const targets: Readonly<Record<string, Make>> = {
  tgtadm: async (parts, values) => (await import('./tgt.ts')).createTgtTarget(parts, values),
  local: async () => (await import('./local.ts')).createLocalTarget(),
};

/** Makes the target driver of a backend's `target_helper`, or of `helper` instead; `read` gives the section's values. */
export async function openTarget(parts: TargetParts, read: ReadOptions, helper?: 'local'): Promise<TargetDriver> {
  const values = read(targetOptions);
  const name = helper ?? values.target_helper;
  const make = targets[name];
  if (make === undefined) {
    throw new Error(`target_helper '${name}' is not part of this daemon; there is: ${Object.keys(targets).join(', ')}`);
  }
  return make(parts, values);
}
