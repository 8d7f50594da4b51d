import type { Logger } from '../base/log.ts';
import type { Compute } from '../interface/compute.ts';
import { isRecord } from '../objects/versioned-object.ts';
import { type NovaClient, refusalOf } from './nova-client.ts';

/** Microversions in which the events came. */
const since = { 'volume-extended': '2.51', 'volume-reimaged': '2.93' } as const;

/** Nova's API, as far as it is told of volumes or has servers change them. */
export function nova(client: NovaClient, log: Logger): Compute {
  return {
    async tellServers(name, volumeId, serverIds, signal) {
      const events = serverIds.map((server_uuid) => ({ name, server_uuid, tag: volumeId }));
      const path = 'os-server-external-events';
      const request = { method: 'POST', path, microversion: since[name], body: { events } } as const;
      const answer = await client.request(request, signal);
      if (answer.status !== 200 && answer.status !== 207) throw refusalOf(answer);
      const { content } = answer;
      const told = isRecord(content) && Array.isArray(content['events']) ? content['events'] : [];
      const judged = told.filter((event) => isRecord(event) && typeof event['code'] === 'number');
      for (const event of judged) {
        if (event['code'] !== 200) log.warning('Nova event: %s returned with failed status.', JSON.stringify(event));
      }
      if (judged.length < events.length) {
        throw new Error(`Nova says what became of ${judged.length} of ${events.length} events ${name}`);
      }
    },

    async swapVolume(serverId, volumeId, newVolumeId, signal) {
      const path = `servers/${encodeURIComponent(serverId)}/os-volume_attachments/${encodeURIComponent(volumeId)}`;
      const body = { volumeAttachment: { volumeId: newVolumeId } };
      const answer = await client.request({ method: 'PUT', path, microversion: '2.1', body }, signal);
      if (answer.status !== 202) throw refusalOf(answer);
    },
  };
}
