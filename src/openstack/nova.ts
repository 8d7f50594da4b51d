import type { Compute } from '../interface/compute.ts';
import { isRecord } from '../objects/versioned-object.ts';
import { type HttpClient, jsonOf } from './http.ts';
import type { ServiceToken } from './keystone.ts';
import type { NovaValues } from './options.ts';

export interface NovaParts {
  readonly http: HttpClient;
  readonly values: NovaValues;
  readonly token: ServiceToken;
}

/** Microversions in which the events came. */
const since = { 'volume-extended': '2.51', 'volume-reimaged': '2.93' } as const;

/** Nova's API, as far as it is told of volumes. */
export function nova({ http, values, token }: NovaParts): Compute {
  return {
    async tellServers(name, volumeId, serverIds, signal) {
      const { region_name, interface: kind } = values;
      const endpoint = await token.endpoint('compute', kind.replace(/URL$/, ''), region_name, signal);
      const headers = {
        'Content-Type': 'application/json',
        'X-Auth-Token': await token.get(signal),
        'OpenStack-API-Version': `compute ${since[name]}`,
        'X-OpenStack-Nova-API-Version': since[name],
      };
      const events = serverIds.map((server_uuid) => ({ name, server_uuid, tag: volumeId }));
      const url = `${endpoint}/os-server-external-events`;
      const response = await http.send({ method: 'POST', url, headers, body: JSON.stringify({ events }), signal });
      const answer = await jsonOf(response);
      if (response.status === 401) token.forget();
      if (response.status !== 200 && response.status !== 207) throw new Error(`Nova answers HTTP ${response.status}`);
      const told = isRecord(answer) && Array.isArray(answer['events']) ? answer['events'] : [];
      const refused = told.filter((event) => !isRecord(event) || event['code'] !== 200);
      if (refused.length > 0 || told.length < events.length) {
        throw new Error(`Nova took ${told.length - refused.length} of ${events.length} events ${name}`);
      }
    },
  };
}
