import type { ArgvOption } from './argv-walk.ts';

/** What an option of the daemon does: sets an option of the configuration, names a source of it, or is an order. */
type Effect =
  | { readonly sets: string; readonly to?: string }
  | { readonly source: 'file' | 'directory' }
  | { readonly order: 'help' | 'version' | 'check' | 'embedded' | 'ignored' };

/** A row of the table of config.md §7. */
export interface ServeOption extends ArgvOption {
  readonly effect: Effect;
  readonly help: string;
  /** The value as help shows it. */
  readonly shown?: string;
  /** Client commands take it as well. */
  readonly everywhere: boolean;
}

/** The options of the daemon, in the order of their names, which is that of argparse's lists. */
export const serveOptions: readonly ServeOption[] = [
  order(['--help', '-h'], 'help', 'Print this and exit', true),
  valued(['--backend_host'], { order: 'ignored' }, 'HOST', 'Accepted for old start scripts, without effect'),
  valued(['--backend_name'], { order: 'ignored' }, 'NAME', 'Accepted for old start scripts, without effect'),
  order(['--check-config'], 'check', 'Check the configuration and exit'),
  valued(['--config-dir'], { source: 'directory' }, 'DIR', 'Folder whose *.conf files are read; may be repeated', true),
  valued(['--config-file'], { source: 'file' }, 'PATH', 'File to read; may be repeated, a later one wins', true),
  setting(['--debug', '-d'], 'debug', 'true', 'Log at DEBUG', true),
  order(['--embedded'], 'embedded', 'Run self-contained: own broker, SQLite, files below ./var', true),
  setting(['--log-color'], 'log_color', 'true', 'Colour the log on a terminal'),
  valued(
    ['--log-config-append', '--log-config', '--log_config'],
    { sets: 'log_config_append' },
    'PATH',
    'Logging file',
  ),
  valued(['--log-date-format'], { sets: 'log_date_format' }, 'FORMAT', 'Form of times in the log'),
  valued(['--log-dir', '--logdir'], { sets: 'log_dir' }, 'DIR', 'Folder of the log file'),
  valued(['--log-file', '--logfile'], { sets: 'log_file' }, 'PATH', 'Log file'),
  setting(['--nodebug'], 'debug', 'false', 'The inverse of --debug', true),
  setting(['--nolog-color'], 'log_color', 'false', 'The inverse of --log-color'),
  setting(['--nouse-journal'], 'use_journal', 'false', 'The inverse of --use-journal'),
  setting(['--nouse-json'], 'use_json', 'false', 'The inverse of --use-json'),
  setting(['--nouse-syslog'], 'use_syslog', 'false', 'The inverse of --use-syslog'),
  setting(['--nowatch-log-file'], 'watch_log_file', 'false', 'The inverse of --watch-log-file'),
  valued(['--state_path'], { sets: 'state_path' }, 'DIR', 'Folder of everything that lasts', true),
  valued(['--syslog-log-facility'], { sets: 'syslog_log_facility' }, 'NAME', 'Facility in syslog'),
  setting(['--use-journal'], 'use_journal', 'true', 'Log to journald'),
  setting(['--use-json'], 'use_json', 'true', 'Log in JSON'),
  setting(['--use-syslog'], 'use_syslog', 'true', 'Log to syslog'),
  order(['--version'], 'version', 'Print the version and exit', true),
  setting(['--watch-log-file'], 'watch_log_file', 'true', 'Notice by itself when the log file is moved'),
];

type OrderName = Extract<Effect, { order: string }>['order'];

function order(names: readonly string[], name: OrderName, help: string, everywhere = false): ServeOption {
  return { names, takesValue: false, effect: { order: name }, help, everywhere };
}

function setting(names: readonly string[], sets: string, to: string, help: string, everywhere = false): ServeOption {
  return { names, takesValue: false, effect: { sets, to }, help, everywhere };
}

function valued(
  names: readonly string[],
  effect: Effect,
  shown: string,
  help: string,
  everywhere = false,
): ServeOption {
  return { names, takesValue: true, effect, shown, help, everywhere };
}
