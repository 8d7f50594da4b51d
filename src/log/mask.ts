/**
 * Replaces what looks like a secret by `***` (G-090): the value after a name such as `password` in `key=value`,
 * `key: value`, JSON, Python, XML and command line form, the password of a URL, and the few forms of Cinder's own tools
 * that name no key. Where it is unclear how far a value reaches, more is masked rather than less. Masking twice changes
 * nothing.
 */
export function mask(text: string): string {
  if (!suspicious.test(text)) return text;
  let masked = text;
  for (const [form, replacement] of nameless) masked = masked.replace(form, replacement);
  if (masked.includes('://')) masked = masked.replace(url, maskUrl);
  return maskNamed(masked);
}

const words = [
  'pass(?:w(?:or)?d|phrase)',
  '(?:admin|new)_?pass(?![a-z])',
  'sys_pswd',
  'secret',
  'token',
  'credential',
  'fernet_?key',
  '(?:api|access|private|encrypted|encryption|ssl|auth|dhchap|hmac|fixed)[_-]?key',
  'keyring(?!_)',
  'provider_auth',
].join('|');

const suspicious = new RegExp(`${words}|://|PRIVATE KEY|Authorization|CHAP |(?:incoming|outgoing)user|:key=`, 'i');

/** Forms that need no name: PEM, CHAP triples of `provider_auth` and tgt, HTTP authorization, QEMU's secrets and URLs. */
const nameless: readonly (readonly [RegExp, string])[] = [
  [/(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?:[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----)|[^"']*)/g, '$1***$2'],
  [/\b(CHAP [^\s'"]+ )[^\s'"]+/g, '$1***'],
  [/\b((?:incoming|outgoing)user [^\s'"]+ )[^\s'"]+/g, '$1***'],
  [/(\bAuthorization["']?\s*[:=]\s*["']?(?:(?:Basic|Bearer|Digest|Negotiate)\s+)?)[^\s'"]+/gi, '$1***'],
  [/(\bsecret,(?:[^\s'"]*,)?data=)[^\s'",]+/g, '$1***'],
  [/(:key=)[^\s'":]+/g, '$1***'],
];

const url = /([a-z][a-z0-9+.-]*:\/\/)([^\s<>]+)/gi;

/** The password of a URL reaches to the last `@` before the path; databases also take one with slashes in it. */
function maskUrl(_all: string, scheme: string, rest: string): string {
  const path = rest.search(/[/?#]/);
  const authority = path < 0 ? rest : rest.slice(0, path);
  if (authority.includes('@')) return scheme + maskAuthority(authority) + rest.slice(authority.length);
  const colon = authority.indexOf(':');
  const at = rest.lastIndexOf('@');
  if (colon < 0 || at < colon || /^\d+$/.test(authority.slice(colon + 1))) return scheme + rest;
  return `${scheme}${rest.slice(0, colon + 1)}***${rest.slice(at)}`;
}

/** A transport URL may name several hosts: `user:password@one:5672,user:password@two:5672`. */
function maskAuthority(authority: string): string {
  const hosts = authority.split(',');
  const several = hosts.every((host) => /^[^:@]*:[^@]*@[^@]+$/.test(host));
  return (several ? hosts : [authority])
    .map((host) => {
      const at = host.lastIndexOf('@');
      const colon = host.indexOf(':');
      return colon < 0 || colon > at ? host : `${host.slice(0, colon + 1)}***${host.slice(at)}`;
    })
    .join(',');
}

const named = new RegExp(`(?:${words})\\w*`, 'gi');

function maskNamed(text: string): string {
  named.lastIndex = 0;
  let masked = '';
  let done = 0;
  for (let match = named.exec(text); match !== null; match = named.exec(text)) {
    const value = valueAfter(text, match.index, named.lastIndex);
    if (value === undefined || value.to <= value.from || isHarmless(text.slice(value.from, value.to))) continue;
    masked += `${text.slice(done, value.from)}***`;
    done = value.to;
    named.lastIndex = value.to;
  }
  return masked + text.slice(done);
}

/** What says that there is no value, or that it is masked already. */
function isHarmless(value: string): boolean {
  return /^(?:\*+|None|null|True|False|true|false)[,;.)}\]]*$/.test(value);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Where the value of the name that stands at `start` … `end` is; undefined where the name is just a word of the text. */
function valueAfter(text: string, start: number, end: number): Range | undefined {
  const before = wordBefore(text, start);
  if (before.endsWith('<') || /<[\w.:-]*$/.test(before)) return elementText(text, end) ?? assigned(text, end);
  return assigned(text, end) ?? argument(text, before, end);
}

/** The characters of the word that the name ends, with the one before it. */
function wordBefore(text: string, start: number): string {
  let from = start;
  while (from > 0 && start - from < 100 && /[\w.:-]/.test(text.charAt(from - 1))) from--;
  return text.slice(Math.max(0, from - 1), start);
}

/** `<name attribute="x">value</name>` */
function elementText(text: string, end: number): Range | undefined {
  const tag = at(/[^<>]*?(\/?)>/y, text, end);
  if (tag === undefined || tag.match[1] === '/') return undefined;
  const close = text.indexOf('<', tag.to);
  return { from: tag.to, to: close < 0 ? text.length : close };
}

/** `name=value`, `name: value`, `"name": "value"`, `name => value`, `name[x]=value`; quotes may be escaped. */
function assigned(text: string, end: number): Range | undefined {
  const quoted = at(/(?:\\*["'])\]?\s*(?:=>|[:=]+)\s*/y, text, end);
  if (quoted !== undefined) return valueAt(text, quoted.to, true);
  const bare = at(/(?:\[\w*\])?[ \t]*(?:=>|[:=]+)[ \t]*/y, text, end);
  return bare === undefined ? undefined : valueAt(text, bare.to, false);
}

/** `--name value`, `'--name', 'value'`, `name -v value` and `'name', '-v', 'value'` of iscsiadm, `name "value"`. */
function argument(text: string, before: string, end: number): Range | undefined {
  if (/^.?-/.test(before)) {
    const gap = at(/\\*["']\s*,\s*|[ \t]+/y, text, end);
    return gap === undefined ? undefined : valueAt(text, gap.to, false);
  }
  const option = at(/\\*["']?,?\s+\\*["']?--?[A-Za-z][\w-]*\\*["']?(?:\s*,\s*|[ \t]+|=)/y, text, end);
  if (option !== undefined) return valueAt(text, option.to, false);
  const gap = at(/[ \t]+(?=\\*["'])/y, text, end);
  return gap === undefined ? undefined : valueAt(text, gap.to, false);
}

/** The extent of the value that begins at `from`, without its quotes. */
function valueAt(text: string, from: number, structured: boolean): Range | undefined {
  const quote = at(/[ubrf]?(\\*)(["'])/y, text, from);
  if (quote !== undefined) return quotedAt(text, quote.to, quote.match[1] ?? '', quote.match[2] ?? '');
  if ('[{('.includes(text.charAt(from)) && from < text.length) return { from, to: closing(text, from) };
  const bare = structured ? /[^\s,}\]]+/y : /(?:(?!\\*["'](?:[\s,;\])}]|$)|<\/)\S)+/y;
  const found = at(bare, text, from);
  return found === undefined ? undefined : { from, to: found.to };
}

/**
 * A quoted value ends at the quote that is escaped just as the opening one; without one it takes the rest. A value that
 * ends in backslashes takes more than it should: text that was quoted twice cannot be told from it.
 */
function quotedAt(text: string, from: number, escapes: string, quote: string): Range {
  for (let to = text.indexOf(quote, from); to >= 0; to = text.indexOf(quote, to + 1)) {
    let slashes = 0;
    while (to - slashes > from && text.charAt(to - slashes - 1) === '\\') slashes++;
    if (slashes === escapes.length) return { from, to: to - escapes.length };
  }
  return { from, to: text.length };
}

/** Past the bracket that closes the one at `from`; what is not closed takes the rest. */
function closing(text: string, from: number): number {
  let depth = 0;
  for (let to = from; to < text.length; to++) {
    const char = text.charAt(to);
    if (char === '"' || char === "'") to = quotedAt(text, to + 1, '', char).to;
    else if ('[{('.includes(char)) depth++;
    else if (']})'.includes(char) && --depth === 0) return to + 1;
  }
  return text.length;
}

function at(form: RegExp, text: string, from: number): { match: RegExpExecArray; to: number } | undefined {
  form.lastIndex = from;
  const match = form.exec(text);
  return match === null ? undefined : { match, to: form.lastIndex };
}
