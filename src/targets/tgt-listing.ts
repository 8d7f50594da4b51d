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

interface ListedSession {
  readonly sid: number;
  readonly initiator: string;
  readonly connections: readonly number[];
}

interface ListedLun {
  readonly lun: number;
  readonly online: boolean;
  readonly thin: boolean;
  readonly path: string;
}

/**
 * tgtadm's list of targets, which is made for people and has 1 KiB a target. A node may have a thousand of them, so only
 * what is asked for is read.
 */
export class TgtListing {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  find(iqn: string): ListedTarget | undefined {
    const head = this.heads().find((each) => each.iqn === iqn);
    return head && parseTarget(head, this.#sectionAt(head.at));
  }

  /** Every target by id and name, with the place where its section begins. */
  heads(): Head[] {
    return [...this.#text.matchAll(/^Target (\d+): (.*)$/gm)].map(({ 1: tid, 2: iqn = '', index }) => ({
      tid: Number(tid),
      iqn,
      at: index,
    }));
  }

  /** Whether a user may log in to another target than this one. */
  isUserOfOthers(user: string, iqn: string): boolean {
    const own = this.heads().find((each) => each.iqn === iqn);
    const ownSection = own === undefined ? '' : this.#sectionAt(own.at);
    const times = (text: string): number => text.split(`\n        ${user}\n`).length;
    return times(this.#text) > times(ownSection);
  }

  #sectionAt(start: number): string {
    const end = this.#text.indexOf('\nTarget ', start);
    return end < 0 ? this.#text.slice(start) : this.#text.slice(start, end + 1);
  }
}

interface Head {
  readonly tid: number;
  readonly iqn: string;
  readonly at: number;
}

function parseTarget({ tid, iqn }: Head, section: string): ListedTarget {
  const parts = partsOf(section.split('\n').slice(1));
  return {
    tid,
    iqn,
    state: valueIn(parts['System information'] ?? [], 'State') ?? '',
    sessions: grouped(parts['I_T nexus information'] ?? [], 'I_T nexus').map(sessionOf),
    luns: grouped(parts['LUN information'] ?? [], 'LUN').map(lunOf),
    accounts: (parts['Account information'] ?? []).map((line) => line.trim()),
    rules: (parts['ACL information'] ?? []).map((line) => line.trim()),
  };
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
