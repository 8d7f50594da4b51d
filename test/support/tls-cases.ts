import type { Certificates } from './certificates.ts';
import { startTlsMariadb, startTlsPostgres } from './tls-servers.ts';

/** What a URL says of TLS. */
export type Says = Readonly<Record<string, string>>;

/** Who is let in, and who turns away. */
export interface Case {
  readonly what: string;
  readonly says: (files: Certificates) => Says;
  /** What the error says; undefined where the connection stands. */
  readonly refused?: RegExp;
}

interface Kind {
  readonly name: string;
  readonly start: typeof startTlsMariadb;
  readonly trusting: (files: Certificates) => Says;
  readonly suspicious: (files: Certificates) => Says;
  readonly cases: readonly Case[];
  /** The server's certificate is another's. */
  readonly ofAnother: readonly Case[];
  /** The server wants to see a certificate. */
  readonly wanted: readonly Case[];
}

const untrusted = /certificate/;

/** The servers that there are, and what becomes of each way to ask for TLS. */
export const kinds: readonly Kind[] = [
  {
    name: 'MariaDB',
    start: startTlsMariadb,
    trusting: ({ authority }) => ({ ssl_ca: authority }),
    suspicious: ({ stranger }) => ({ ssl_ca: stranger }),
    cases: [
      { what: 'no TLS', says: () => ({}), refused: /Access denied/ },
      { what: 'the authority', says: ({ authority }) => ({ ssl_ca: authority }) },
      { what: 'another authority', says: ({ stranger }) => ({ ssl_ca: stranger }), refused: untrusted },
      {
        what: 'another authority, whatever the name',
        says: ({ stranger }) => ({ ssl_ca: stranger, ssl_check_hostname: 'false' }),
        refused: untrusted,
      },
      { what: 'no file', says: () => ({ ssl_ca: '/nowhere/ca.pem' }), refused: /ssl_ca: ENOENT.*\/nowhere\/ca\.pem/ },
    ],
    ofAnother: [
      { what: 'the authority', says: ({ authority }) => ({ ssl_ca: authority }), refused: /altnames/ },
      {
        what: 'the authority, whatever the name',
        says: ({ authority }) => ({ ssl_ca: authority, ssl_check_hostname: 'false' }),
      },
    ],
    wanted: [
      { what: 'none', says: ({ authority }) => ({ ssl_ca: authority }), refused: /Access denied/ },
      {
        what: 'one',
        says: ({ authority, client }) => ({ ssl_ca: authority, ssl_cert: client.certificate, ssl_key: client.key }),
      },
    ],
  },
  {
    name: 'PostgreSQL',
    start: startTlsPostgres,
    trusting: ({ authority }) => ({ sslmode: 'verify-full', sslrootcert: authority }),
    suspicious: ({ stranger }) => ({ sslmode: 'verify-full', sslrootcert: stranger }),
    cases: [
      { what: 'no TLS', says: () => ({ sslmode: 'disable' }), refused: /no encryption/ },
      { what: 'nothing', says: () => ({}) },
      { what: 'TLS', says: () => ({ sslmode: 'require' }) },
      { what: 'the authority', says: ({ authority }) => ({ sslmode: 'verify-full', sslrootcert: authority }) },
      {
        what: 'another authority',
        says: ({ stranger }) => ({ sslmode: 'verify-full', sslrootcert: stranger }),
        refused: untrusted,
      },
      {
        what: 'another authority, whatever the name',
        says: ({ stranger }) => ({ sslmode: 'verify-ca', sslrootcert: stranger }),
        refused: untrusted,
      },
      {
        what: 'TLS, and another authority',
        says: ({ stranger }) => ({ sslmode: 'require', sslrootcert: stranger }),
        refused: untrusted,
      },
      {
        what: 'no file',
        says: () => ({ sslmode: 'verify-ca', sslrootcert: '/nowhere/ca.pem' }),
        refused: /sslrootcert: ENOENT.*\/nowhere\/ca\.pem/,
      },
    ],
    ofAnother: [
      {
        what: 'the authority',
        says: ({ authority }) => ({ sslmode: 'verify-full', sslrootcert: authority }),
        refused: /altnames/,
      },
      {
        what: 'the authority, whatever the name',
        says: ({ authority }) => ({ sslmode: 'verify-ca', sslrootcert: authority }),
      },
    ],
    wanted: [
      {
        what: 'none',
        says: ({ authority }) => ({ sslmode: 'verify-full', sslrootcert: authority }),
        refused: /client certificate/,
      },
      {
        what: 'one',
        says: ({ authority, client }) => ({
          sslmode: 'verify-full',
          sslrootcert: authority,
          sslcert: client.certificate,
          sslkey: client.key,
        }),
      },
    ],
  },
];
