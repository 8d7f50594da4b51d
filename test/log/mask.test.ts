import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { repr } from '../../src/base/python-text.ts';
import { mask } from '../../src/log/mask.ts';

const masked: readonly (readonly [string, string])[] = [
  ['password=hunter2', 'password=***'],
  ['Password: hunter2', 'Password: ***'],
  ['rabbit_password = hunter2 and more', 'rabbit_password = *** and more'],
  ["{'auth_token': 'gAAA', 'user': 'u'}", "{'auth_token': '***', 'user': 'u'}"],
  [`{'chap_secret': "it's", 'user': 'u'}`, `{'chap_secret': "***", 'user': 'u'}`],
  ["{u'adminPass': u'x'}", "{u'adminPass': u'***'}"],
  ['{"token":12345,"user":"u"}', '{"token":***,"user":"u"}'],
  ['"secret": {"a": "x}y", "b": [1]}, "c": 2', '"secret": ***, "c": 2'],
  ['"private_key": "-----BEGIN RSA PRIVATE KEY-----\\nMII"', '"private_key": "***"'],
  ['<adminPass>abc</adminPass><user password="y"/>', '<adminPass>***</adminPass><user password="***"/>'],
  ['<ns:password type="text">abc</ns:password>', '<ns:password type="text">***</ns:password>'],
  ['tgtadm --user U --password P --op new', 'tgtadm --user U --password *** --op new'],
  ['x --os-password=P -v', 'x --os-password=*** -v'],
  ['iscsiadm -n node.session.auth.password -v s3 -x', 'iscsiadm -n node.session.auth.password -v *** -x'],
  ["['-n', 'node.session.auth.password', '-v', 's3']", "['-n', 'node.session.auth.password', '-v', '***']"],
  ["['tgtadm', '--password', 'p', '--x']", "['tgtadm', '--password', '***', '--x']"],
  ['X-Auth-Token: gAAA', 'X-Auth-Token: ***'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer ***'],
  ['provider_auth is CHAP user pass', 'provider_auth is CHAP user ***'],
  ['incominguser user pass', 'incominguser user ***'],
  ['--object secret,id=s0,data=abc,format=raw', '--object secret,id=s0,data=***,format=raw'],
  ['rbd:pool/v:id=c:key=AQB==:mon_host=h', 'rbd:pool/v:id=c:key=***:mon_host=h'],
  ['rabbit://u:p@h:5672/v', 'rabbit://u:***@h:5672/v'],
  ['rabbit://u:p@ss@h:5672/v', 'rabbit://u:***@h:5672/v'],
  ['rabbit://u:p@h1:5672,v:q@h2:5672/v', 'rabbit://u:***@h1:5672,v:***@h2:5672/v'],
  ['mysql+pymysql://c:a,b/c@db/cinder?x=1', 'mysql+pymysql://c:***@db/cinder?x=1'],
  ['mysql://c:p@,w@db', 'mysql://c:***@db'],
  ['redis://:p@h', 'redis://:***@h'],
  [
    '-----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY-----\nrest',
    '-----BEGIN EC PRIVATE KEY-----***-----END EC PRIVATE KEY-----\nrest',
  ],
];

test('what looks like a secret becomes three asterisks [G-090, O-26]', () => {
  for (const [text, expected] of masked) assert.equal(mask(text), expected);
});

const untouched = [
  'Starting volume driver LVMVolumeDriver (3.0.0)',
  'chap_password                  = ****',
  'password = None',
  "'auth_token': None, 'read_only': False",
  'the token expired',
  'rbd_keyring_conf = /etc/ceph/keyring',
  'keystone_authtoken.www_authenticate_uri = http://host:5000',
  'http://host:8776/v3/foo@bar',
  'https://user@host/path',
  'password=',
];

test('text without a secret stays as it is [G-090]', () => {
  for (const text of untouched) assert.equal(mask(text), text);
});

const names = fc.constantFrom(
  ...['password', 'passwd', 'secret', 'token', 'auth_token', 'adminPass', 'fernetkey', 'private_key', 'chap_secret'],
  ...['rabbit_password', 'X-Auth-Token', 'clientSecret', 'authPassword', 'api_key', 'discovery_auth_password2'],
);

/** A canary that cannot be part of the text around it, with all that a password may hold. */
const canary = fc.string({ unit: 'grapheme-ascii', minLength: 1 }).map((text) => `cnry${text}yrnc`);
/** One that needs no quotes. */
const word = canary.map((text) => text.replace(/[\s"'<>\\]/g, '-'));

function holdsNot(text: string, secret: string): void {
  const found = mask(text);
  for (const part of ['cnry', 'yrnc', secret]) assert.ok(!found.includes(part), `${text} -> ${found}`);
}

test('no canary survives in JSON, nested JSON, Python and XML [G-090, O-26]', () => {
  fc.assert(
    fc.property(names, canary, fc.string(), (name, secret, other) => {
      const object = { before: 'x', [name]: secret, after: 'y' };
      const inner = JSON.stringify(object);
      holdsNot(inner, secret);
      holdsNot(JSON.stringify(object, null, 2), secret);
      holdsNot(JSON.stringify({ body: inner }), secret);
      holdsNot(JSON.stringify({ body: JSON.stringify({ body: inner }) }), secret);
      holdsNot(repr(object), secret);
      holdsNot(repr({ body: inner }), secret);
      holdsNot(repr(['tool', `--${name}`, secret, 'x']), secret);
      holdsNot(`<a><${name}>${secret.replaceAll('<', '&lt;')}</${name}><b/></a>`, secret);
      holdsNot(`${other} ${name}=${repr(secret)}`, secret);
    }),
  );
});

test('no canary survives in assignments, headers and command lines [G-090, O-26]', () => {
  fc.assert(
    fc.property(names, word, (name, secret) => {
      holdsNot(`a ${name}=${secret} b`, secret);
      holdsNot(`a ${name} = ${secret}`, secret);
      holdsNot(`a ${name}: ${secret} b`, secret);
      holdsNot(`tool --${name} ${secret} --x`, secret);
      holdsNot(`tool --${name}=${secret} --x`, secret);
      holdsNot(`tool -n ${name} -v ${secret} --x`, secret);
      holdsNot(repr(`tool --${name} ${secret}`), secret);
      holdsNot(repr(['tool', `--${name}=${secret}`, 'x']), secret);
    }),
  );
});

test('no canary survives as the password of a URL, encoded or raw [G-090, O-26]', () => {
  fc.assert(
    fc.property(word, (secret) => {
      const encoded = encodeURIComponent(secret);
      // With a comma it could be the end of one host of several.
      const raw = secret.replace(/[/?#,]/g, '-');
      holdsNot(`rabbit://cinder:${encoded}@host:5672/`, secret);
      holdsNot(`a mysql+pymysql://cinder:${raw}@host/cinder?charset=utf8 b`, secret);
      holdsNot(repr({ url: `amqp://u:${encoded}@one:5672,u:${encoded}@two:5672/v` }), secret);
    }),
  );
});

test('masking twice changes nothing more', () => {
  fc.assert(
    fc.property(names, canary, (name, secret) => {
      for (const text of [JSON.stringify({ [name]: secret }), `${name}=${secret}`, `a://u:${secret}@h`]) {
        assert.equal(mask(mask(text)), mask(text));
      }
    }),
  );
});

test('a long text is masked in little time', () => {
  const text = `${'token '.repeat(20_000)}${'password="'.repeat(20_000)}${'secret: ['.repeat(20_000)}`;

  assert.ok(mask(text).length > 0);
});
