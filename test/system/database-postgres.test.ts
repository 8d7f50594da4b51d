import { after, before } from 'node:test';
import { databaseSuite } from '../conformance/database/all.ts';
import { startPostgres } from '../support/postgres-server.ts';
import type { PrivateServer } from '../support/private-server.ts';
import { postgresWords, serverBench } from '../support/server-bench.ts';

let server: PrivateServer;
before(async () => {
  server = await startPostgres();
});
after(() => server?.stop());

databaseSuite(serverBench(() => server, postgresWords));
