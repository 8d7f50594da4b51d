import { after, before } from 'node:test';
import { databaseSuite } from '../conformance/database/all.ts';
import { startMariadb } from '../support/mariadb-server.ts';
import type { PrivateServer } from '../support/private-server.ts';
import { mariadbWords, serverBench } from '../support/server-bench.ts';

let server: PrivateServer;
before(async () => {
  server = await startMariadb();
});
after(() => server?.stop());

databaseSuite(serverBench(() => server, mariadbWords));
