import { unwatchFile, watchFile, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { meditationReport, packageSection, processSections, type ReportSection } from '../admin/report.ts';
import { makeFolderSync } from '../base/folders.ts';
import { version } from '../base/version.ts';
import { dumpLines } from '../config/dump.ts';
import type { Configuration } from '../config/load.ts';
import { reportGroup } from '../interface/daemon-options.ts';
import type { DaemonStatus } from '../interface/daemon-status.ts';
import type { RunningOperation } from '../interface/rpc.ts';

/** What a process can add about itself. */
export interface ReportSource {
  readonly configuration: Configuration;
  readonly operations: readonly RunningOperation[];
  /** `name = state` of what it is connected to. */
  readonly connections: readonly string[];
  /** The children of a supervisor. */
  readonly status?: DaemonStatus;
}

/** Writes the report of SIGUSR2 to stderr, or to a file in `[oslo_reports] log_dir` (L-190). Throws nothing. */
export function writeReport(program: string, source: ReportSource, stderr: (text: string) => void): void {
  try {
    const text = meditationReport(sections(program, source));
    const { log_dir } = source.configuration.values(reportGroup);
    if (log_dir === undefined) {
      stderr(text);
      return;
    }
    const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    makeFolderSync(log_dir, 0o750);
    writeFileSync(join(log_dir, `${program}_gurumeditation_${stamp}`), text, { mode: 0o640 });
  } catch (error) {
    stderr(`The report could not be written: ${String(error)}\n`);
  }
}

/** Asks for a report whenever the time stamp of `file_event_handler` changes, where it is set (L-191). */
export function watchReportFile(
  options: { readonly file_event_handler: string | undefined; readonly file_event_handler_interval: number },
  report: () => void,
): { close(): void } {
  const { file_event_handler: file, file_event_handler_interval: seconds } = options;
  if (file === undefined) return { close() {} };
  const look = (now: { readonly mtimeMs: number }, before: { readonly mtimeMs: number }): void => {
    if (now.mtimeMs !== before.mtimeMs && now.mtimeMs > 0) report();
  };
  watchFile(file, { interval: seconds * 1000, persistent: false }, look);
  return { close: () => unwatchFile(file, look) };
}

function sections(program: string, { configuration, operations, connections, status }: ReportSource): ReportSection[] {
  return [
    packageSection(version, program),
    ...processSections(),
    {
      title: 'Operations in progress',
      lines: operations.map(
        ({ method, about, age, requestId }) => `${method} ${about} since ${Math.round(age)} ms, ${requestId}`,
      ),
    },
    { title: 'Processes', lines: status === undefined ? [`pid ${process.pid}`] : processLines(status) },
    { title: 'Connections', lines: connections },
    { title: 'Configuration', lines: dumpLines(configuration).map((line) => `  ${line}`) },
  ];
}

function processLines({ pid, backends, broker }: DaemonStatus): string[] {
  const children = backends.map(
    (each) => `  ${each.pid ?? '-'} ${each.host} ${each.state}${each.reason ? ` (${each.reason})` : ''}`,
  );
  return [`${pid} supervisor`, ...children, ...(broker.pid === null ? [] : [`  ${broker.pid} broker`])];
}
