import type { RequestSpec } from '../objects/request-spec.ts';

/** What a create was asked for, beside the row of the volume. */
export interface CreateRequest {
  readonly request_spec: RequestSpec;
  readonly filter_properties: Readonly<Record<string, unknown>>;
  readonly allow_reschedule: boolean;
}
