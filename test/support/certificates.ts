import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** Files of an authority and of two whom it signed. */
export interface Certificates {
  readonly authority: string;
  /** For `localhost` and 127.0.0.1. */
  readonly server: Pair;
  /** Whose common name is `cinder`. */
  readonly client: Pair;
  /** An authority that signed nobody. */
  readonly stranger: string;
}

const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', args);

/** Made anew for each run, in a folder that the broker's process can read. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  for (const name of ['ca', 'stranger']) {
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', file(`${name}.key`)];
    await openssl('req', '-x509', ...key, '-out', file(`${name}.pem`), '-days', '2', '-subj', `/CN=test ${name}`);
  }
  const signed = async (name: string, commonName: string, alternative: string): Promise<Pair> => {
    const pair = { certificate: file(`${name}.pem`), key: file(`${name}.key`) };
    const request = file(`${name}.csr`);
    const extensions = file(`${name}.ext`);
    await writeFile(extensions, `subjectAltName=${alternative}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    await openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      pair.key,
      '-out',
      request,
      '-subj',
      `/CN=${commonName}`,
    );
    const authority = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
    await openssl(
      'x509',
      '-req',
      '-in',
      request,
      ...authority,
      '-out',
      pair.certificate,
      '-days',
      '2',
      '-extfile',
      extensions,
    );
    await chmod(pair.key, 0o644);
    return pair;
  };
  return {
    authority: file('ca.pem'),
    stranger: file('stranger.pem'),
    server: await signed('server', 'localhost', 'DNS:localhost,IP:127.0.0.1'),
    client: await signed('client', 'cinder', 'DNS:cinder'),
  };
}
