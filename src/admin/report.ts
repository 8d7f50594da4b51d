import { hostname } from 'node:os';

/** One part of the report: a title and its lines. */
export interface ReportSection {
  readonly title: string;
  readonly lines: readonly string[];
}

const width = 72;

/** The text that SIGUSR2 asks for, laid out as upstream's Guru Meditation Report (L-190, L-192). */
export function meditationReport(sections: readonly ReportSection[]): string {
  const parts = sections.map(({ title, lines }) => `${heading(title)}\n${lines.map((line) => `${line}\n`).join('')}`);
  return `${heading('Guru Meditation')}\n\n\n${parts.join('\n\n')}`;
}

/** The first section: what runs here. */
export function packageSection(version: string, program: string): ReportSection {
  return {
    title: 'Package',
    lines: [
      'product = OpenStack Cinder',
      'vendor = volume-daemon',
      `version = ${version}`,
      `program = ${program}`,
      `host = ${hostname()}`,
    ],
  };
}

/** Stacks and handles of this process, from Node's own report: where it is, what it waits for, when its timers are due. */
export function processSections(): ReportSection[] {
  const report = process.report?.getReport() as unknown as NodeReport | undefined;
  const handles = report?.libuv ?? [];
  const timers = handles.filter(({ type }) => type === 'timer');
  const { heapUsed, heapTotal, rss, external } = process.memoryUsage();
  return [
    {
      title: 'Threads',
      lines: ['main thread:', ...(report?.javascriptStack?.stack ?? []).map((line) => `  ${line.trim()}`)],
    },
    {
      title: 'Timers',
      lines: timers.map(
        ({ firesInMsFromNow, is_active }) =>
          `due in ${firesInMsFromNow ?? '?'} ms, ${is_active ? 'active' : 'stopped'}`,
      ),
    },
    {
      title: 'Handles',
      lines: [...countBy(handles.map(({ type }) => type ?? 'unknown'))].map(([type, count]) => `${type}: ${count}`),
    },
    {
      title: 'Memory',
      lines: [mib('rss', rss), mib('heap used', heapUsed), mib('heap total', heapTotal), mib('external', external)],
    },
  ];
}

interface NodeReport {
  readonly javascriptStack?: { readonly stack?: readonly string[] };
  readonly libuv?: readonly {
    readonly type?: string;
    readonly is_active?: boolean;
    readonly firesInMsFromNow?: number;
  }[];
}

/** Title between margins, under and over a ruler of 72 columns. */
function heading(title: string): string {
  const ruler = '='.repeat(width);
  const inner = width - 8;
  const left = Math.floor((inner - title.length) / 2);
  const text = `====${' '.repeat(left)}${title}${' '.repeat(inner - title.length - left)}====`;
  return `${ruler}\n${text}\n${ruler}`;
}

function mib(name: string, bytes: number): string {
  return `${name} = ${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function countBy(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
