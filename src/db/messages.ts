import { randomUUID } from 'node:crypto';
import { plusSeconds, utcNow } from '../base/time.ts';
import type { MessageTable, NewMessage } from '../interface/message-table.ts';
import type { Access } from './access.ts';
import { born, encode } from './rows.ts';

/** The table `messages` (database.md §3.13). `ttl` is how many seconds one can be read. */
export function messageTable({ read, write }: Access, ttl: number): MessageTable {
  return {
    create: (message) =>
      write(async (db) => {
        const now = utcNow();
        const values = encode('messages', {
          ...message,
          id: randomUUID(),
          event_id: `VOLUME_${message.resource_type}_${message.action_id}_${message.detail_id}`,
          message_level: 'ERROR',
          expires_at: plusSeconds(now, ttl),
          ...born(now),
        });
        await db.insertInto('messages').values(values).execute();
      }),
    ofResource: (resourceId) =>
      read(async (db) => {
        const rows = await db
          .selectFrom('messages')
          .select(['project_id', 'request_id', 'resource_type', 'resource_uuid', 'action_id', 'detail_id'])
          .where('resource_uuid', '=', resourceId)
          .where('deleted', '=', false)
          .orderBy('created_at')
          .orderBy('id')
          .execute();
        return rows as readonly NewMessage[];
      }),
  };
}
