import { chmodSync, chownSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificates } from './certificates.ts';
import { startMariadb } from './mariadb-server.ts';
import { startPostgres } from './postgres-server.ts';
import { accountOf, type PrivateServer } from './private-server.ts';

/** A database server that lets the account in by TLS only. */
export interface TlsServer {
  readonly server: PrivateServer;
  /** Shows the certificate of another to whoever connects from now on. */
  show(whose: 'server' | 'client'): Promise<void>;
  /** Lets the account in only with a certificate of its own, or without one again. */
  wantCertificate(wanted: boolean): Promise<void>;
}

/** In `folder`, which the server's own account can enter, the certificate and the key that it shows. */
function identity(folder: string, user: string, certificates: Certificates) {
  const [certificate, key] = [join(folder, `${user}-shown.pem`), join(folder, `${user}-shown.key`)];
  const show = (whose: 'server' | 'client'): void => {
    copyFileSync(certificates[whose].certificate, certificate);
    copyFileSync(certificates[whose].key, key);
    const account = accountOf(user);
    if (account !== undefined) chownSync(key, account.uid, account.gid);
    chmodSync(key, 0o600);
  };
  show('server');
  return { certificate, key, show };
}

export async function startTlsMariadb(folder: string, certificates: Certificates): Promise<TlsServer> {
  const shown = identity(folder, 'mysql', certificates);
  const files = [`--ssl-ca=${certificates.authority}`, `--ssl-cert=${shown.certificate}`, `--ssl-key=${shown.key}`];
  const server = await startMariadb(files);
  const demand = async (what: 'ssl' | 'x509'): Promise<void> =>
    void (await server.admin(
      `alter user cinder@'127.0.0.1' require ${what}; alter user cinder@localhost require ${what}`,
    ));
  await demand('ssl');
  return {
    server,
    async show(whose) {
      shown.show(whose);
      await server.admin('flush ssl');
    },
    wantCertificate: (wanted) => demand(wanted ? 'x509' : 'ssl'),
  };
}

export async function startTlsPostgres(folder: string, certificates: Certificates): Promise<TlsServer> {
  const shown = identity(folder, 'postgres', certificates);
  const access = join(folder, 'pg_hba.conf');
  const allow = (more: string): void => {
    writeFileSync(access, `local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 ${more}\n`);
    chmodSync(access, 0o644);
  };
  allow('');
  const server = await startPostgres([
    'ssl=on',
    `ssl_ca_file=${certificates.authority}`,
    `ssl_cert_file=${shown.certificate}`,
    `ssl_key_file=${shown.key}`,
    `hba_file=${access}`,
  ]);
  // Read again by the postmaster, which forks whoever serves the next connection: a restart leaves no doubt when.
  const restart = async (): Promise<void> => {
    server.signal('SIGINT');
    await server.gone();
    await server.start();
  };
  return {
    server,
    async show(whose) {
      shown.show(whose);
      await restart();
    },
    async wantCertificate(wanted) {
      allow(wanted ? 'clientcert=verify-ca' : '');
      await restart();
    },
  };
}
