/** One target as `tgtadm --op show --mode target` shows it. */
export interface ListedTarget {
  readonly tid: number;
  readonly iqn: string;
  readonly state: string;
  readonly sessions: readonly ListedSession[];
  readonly luns: readonly ListedLun[];
  /** Users that may log in; without any, everybody may. */
  readonly accounts: readonly string[];
  /** Initiators that may log in, by name or address; `ALL` for everybody. */
  readonly rules: readonly string[];
}

export interface ListedSession {
  readonly sid: number;
  readonly initiator: string;
  readonly connections: readonly number[];
}

export interface ListedLun {
  readonly lun: number;
  readonly online: boolean;
  readonly thin: boolean;
  readonly path: string;
}

/** Reads tgtadm's list of targets, which is made for people. */
export function parseTargets(text: string): ListedTarget[] {
  const sections = text.split(/^(?=Target \d+: )/m).filter((section) => section.startsWith('Target '));
  return sections.map((section) => {
    const [head = '', ...lines] = section.split('\n');
    const [, tid, iqn = ''] = /^Target (\d+): (.*)$/.exec(head) ?? [];
    const parts = partsOf(lines);
    return {
      tid: Number(tid),
      iqn,
      state: valueIn(parts['System information'] ?? [], 'State') ?? '',
      sessions: grouped(parts['I_T nexus information'] ?? [], 'I_T nexus').map(sessionOf),
      luns: grouped(parts['LUN information'] ?? [], 'LUN').map(lunOf),
      accounts: (parts['Account information'] ?? []).map((line) => line.trim()),
      rules: (parts['ACL information'] ?? []).map((line) => line.trim()),
    };
  });
}

/** The lines below each heading, which are indented further than it. */
function partsOf(lines: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const parts: Record<string, string[]> = {};
  let current: string[] = [];
  for (const line of lines) {
    const heading = /^ {4}(\S.*):$/.exec(line)?.[1];
    if (heading !== undefined) {
      current = [];
      parts[heading] = current;
    } else if (line.trim() !== '') {
      current.push(line);
    }
  }
  return parts;
}

/** Splits lines at those that begin with `key: `. */
function grouped(lines: readonly string[], key: string): string[][] {
  const groups: string[][] = [];
  for (const line of lines) {
    if (line.trim().startsWith(`${key}: `)) groups.push([]);
    groups.at(-1)?.push(line);
  }
  return groups;
}

function sessionOf(lines: readonly string[]): ListedSession {
  return {
    sid: Number(valueIn(lines, 'I_T nexus')),
    initiator: (valueIn(lines, 'Initiator') ?? '').split(' ')[0] ?? '',
    connections: lines.flatMap((line) => {
      const [, cid] = /^\s*Connection: (\d+)/.exec(line) ?? [];
      return cid === undefined ? [] : [Number(cid)];
    }),
  };
}

function lunOf(lines: readonly string[]): ListedLun {
  return {
    lun: Number(valueIn(lines, 'LUN')),
    online: valueIn(lines, 'Online') === 'Yes',
    thin: valueIn(lines, 'Thin-provisioning') === 'Yes',
    path: valueIn(lines, 'Backing store path') ?? '',
  };
}

function valueIn(lines: readonly string[], key: string): string | undefined {
  const line = lines.find((text) => text.trimStart().startsWith(`${key}: `));
  return line?.trimStart().slice(key.length + 2);
}
