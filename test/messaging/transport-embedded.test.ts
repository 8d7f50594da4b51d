import type { Transport } from '../../src/messaging/transport.ts';
import { transportConformance } from '../conformance/transport.ts';
import { aBroker, aTransport } from '../support/messaging.ts';
import { deleteQueue } from '../support/raw-client.ts';

transportConformance('embedded broker', async () => {
  const broker = await aBroker();
  const transports: Transport[] = [];
  return {
    routes: true,
    isSilent: false,
    async connect() {
      const transport = await aTransport(broker);
      transports.push(transport);
      return transport;
    },
    deleteQueue: (name) => deleteQueue(broker, name),
    async [Symbol.asyncDispose]() {
      await Promise.all(transports.map((transport) => transport.close(0)));
      await broker.close();
    },
  };
});
