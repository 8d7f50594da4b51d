import type { LogIdentity } from './identity.ts';
import type { LogValues } from './options.ts';
import type { FormatSpec } from './routing.ts';
import { contextFormat, type Format, plainFormat } from './text-format.ts';

/** Makes the spelling that a specification names. */
export async function makeFormat(spec: FormatSpec, values: LogValues, identity: LogIdentity): Promise<Format> {
  switch (spec.kind) {
    case 'context':
      return contextFormat(values, identity, spec);
    case 'plain':
      return plainFormat(spec.format, spec.datefmt, identity);
    case 'json':
    case 'fluent': {
      const { fluentFormat, jsonFormat } = await import('./json-format.ts');
      const details = { datefmt: spec.datefmt, userIdentity: values.logging_user_identity_format };
      return spec.kind === 'json' ? jsonFormat(details, identity) : fluentFormat(details, identity);
    }
  }
}
