import { messageOf } from '../base/errors.ts';
import type { AmqpConnection, Dial } from './amqp.ts';
import { type Amqp091, ChannelRefused, openAmqp091 } from './amqp091.ts';
import { ArgumentWriter, shortTextAt } from './amqp091-wire.ts';
import { type TopologyAdmin, TopologyRefused } from './topology.ts';

const classes = { exchange: 40, queue: 50 } as const;

/**
 * Topology of RabbitMQ 3.x, whose AMQP 1.0 knows neither exchanges nor bindings (messaging.md §2.3): by a second connection
 * that speaks AMQP 0-9-1 and ends with the first one. Lost meanwhile, it is opened again when it is needed (M-16).
 */
export async function openTopology091(connection: AmqpConnection, dial: Dial): Promise<TopologyAdmin> {
  let client: Amqp091 = await openAmqp091(dial);
  let opening: Promise<Amqp091> | undefined;
  let over = false;
  void connection.down.then(() => {
    over = true;
    client.close();
  });

  const standing = async (): Promise<Amqp091> => {
    if (!client.isOver) return client;
    if (over) throw await connection.down;
    opening ??= openAmqp091(dial).finally(() => {
      opening = undefined;
    });
    client = await opening;
    if (over) client.close();
    return client;
  };
  const request = async (classId: number, methodId: number, args: ArgumentWriter): Promise<Buffer> =>
    await (await standing()).request(classId, methodId, args);
  const demand = async (what: string, classId: number, methodId: number, args: ArgumentWriter): Promise<void> => {
    try {
      await request(classId, methodId, args);
    } catch (error) {
      if (!(error instanceof ChannelRefused)) throw error;
      throw new TopologyRefused(what, messageOf(error));
    }
  };

  return {
    declareExchange: ({ name, type, durable, autoDelete }) => {
      const names = new ArgumentWriter().u16(0).shortText(name).shortText(type);
      const flags = names.bit(false).bit(durable).bit(autoDelete).bit(false).bit(false);
      return demand(`exchange ${name}`, classes.exchange, 10, flags.table({}));
    },
    declareQueue: ({ name, durable, autoDelete, arguments: args }) => {
      const flags = new ArgumentWriter().u16(0).shortText(name).bit(false).bit(durable).bit(false).bit(autoDelete);
      return demand(`queue ${name}`, classes.queue, 10, flags.bit(false).table(args));
    },
    bind: ({ exchange, key, queue }) => {
      const names = new ArgumentWriter().u16(0).shortText(queue).shortText(exchange).shortText(key);
      return demand(
        `binding ${key} of queue ${queue} to exchange ${exchange}`,
        classes.queue,
        20,
        names.bit(false).table({}),
      );
    },
    inspect: async (queue) => {
      const passive = new ArgumentWriter()
        .u16(0)
        .shortText(queue)
        .bit(true)
        .bit(false)
        .bit(false)
        .bit(false)
        .bit(false);
      try {
        const answer = await request(classes.queue, 10, passive.table({}));
        const { end } = shortTextAt(answer, 0);
        return { messages: answer.readUInt32BE(end), consumers: answer.readUInt32BE(end + 4) };
      } catch (error) {
        if (error instanceof ChannelRefused && error.code === 404) return undefined;
        throw error;
      }
    },
    deleteQueue: (queue) => {
      const name = new ArgumentWriter().u16(0).shortText(queue);
      return demand(`the deletion of queue ${queue}`, classes.queue, 40, name.bit(false).bit(false).bit(false));
    },
  };
}
