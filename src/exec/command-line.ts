/** A command as a log line shows it: quoted as a shell would need it, with secrets replaced (G-091). */
export function commandLine(words: readonly string[], secrets: readonly string[] = []): string {
  return masked(words.map(quoted).join(' '), secrets);
}

/** `text` without the given secrets, and without what follows `password` in it. */
export function masked(text: string, secrets: readonly string[] = []): string {
  const longestFirst = secrets.filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
  const known = longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return known.replace(/(password['"]?\s*[ =:]\s*)('[^']*'|"[^"]*"|[^\s,'"]+)/gi, '$1***');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
