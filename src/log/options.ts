import { bool, int, list, type OptionGroup, str, type ValuesOf } from '../interface/options.ts';

/** The forms of a line (logging.md §2). */
export const formatOptions = {
  logging_context_format_string: str(
    '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s ' +
      '[%(global_request_id)s %(request_id)s %(user_identity)s] %(instance)s%(message)s',
    'Form of a record that belongs to a request',
  ),
  logging_default_format_string: str(
    '%(asctime)s.%(msecs)03d %(process)d %(levelname)s %(name)s [-] %(instance)s%(message)s',
    'Form of a record that belongs to no request',
  ),
  logging_debug_format_suffix: str(
    '%(funcName)s %(pathname)s:%(lineno)d',
    'What follows the message of a record at DEBUG; empty for nothing',
  ),
  logging_exception_prefix: str(
    '%(asctime)s.%(msecs)03d %(process)d ERROR %(name)s %(instance)s',
    'What stands before each line of a stack',
  ),
  logging_user_identity_format: str(
    '%(user)s %(project)s %(domain)s %(system_scope)s %(user_domain)s %(project_domain)s',
    'Form of %(user_identity)s',
  ),
  instance_format: str('[instance: %(uuid)s] ', 'Form of %(instance)s for a resource that is named'),
  instance_uuid_format: str('[instance: %(uuid)s] ', 'Form of %(instance)s for a resource that is a UUID'),
};

/** The options of `[DEFAULT]` that say what is logged, how and where (config.md §12.1). */
export const loggingOptions = {
  debug: bool(false, 'Log at DEBUG instead of INFO', { mutable: true }),
  log_config_append: str(undefined, "Logging configuration file in Python's form; replaces all other logging options", {
    mutable: true,
    was: ['log-config', 'log_config'],
  }),
  log_date_format: str('%Y-%m-%d %H:%M:%S', 'Pattern of strftime for %(asctime)s'),
  log_file: str(undefined, 'Log file; a relative name is below log_dir', { mutable: true, was: ['logfile'] }),
  log_dir: str(undefined, 'Directory of the log file, which is named after the program unless log_file is set', {
    mutable: true,
    was: ['logdir'],
  }),
  log_options: bool(true, 'Log the whole configuration at DEBUG when the daemon starts'),
  watch_log_file: bool(false, 'Notice a renamed log file by inotify alone, without comparing before each record'),
  use_syslog: bool(false, 'Log to syslog as well'),
  syslog_log_facility: str('LOG_USER', 'Facility of syslog and journald'),
  use_journal: bool(false, 'Log to journald as well'),
  use_json: bool(false, 'Write each record as a JSON object on a line of its own'),
  use_stderr: bool(false, 'Log to standard error as well'),
  use_eventlog: bool(false, 'Windows only', { ignored: true }),
  log_color: bool(false, 'Colour records on standard output and error where the format has %(color)s'),
  log_rotation_type: str('none', 'Who rotates the log file: something else, or the daemon by time or by size', {
    choices: ['interval', 'size', 'none'],
    anyCase: true,
  }),
  log_rotate_interval: int(1, 'Units between rotations; with Weekday the day, 0 is Monday'),
  log_rotate_interval_type: str('days', 'Unit of log_rotate_interval', {
    choices: ['Seconds', 'Minutes', 'Hours', 'Days', 'Weekday', 'Midnight'],
    anyCase: true,
  }),
  max_logfile_count: int(30, 'Rotated files to keep'),
  max_logfile_size_mb: int(200, 'MiB at which the file is rotated by size'),
  ...formatOptions,
  default_log_levels: list(
    [
      'amqp=WARN',
      'amqplib=WARN',
      'boto=WARN',
      'qpid=WARN',
      'sqlalchemy=WARN',
      'suds=INFO',
      'oslo.messaging=INFO',
      'oslo_messaging=INFO',
      'iso8601=WARN',
      'requests.packages.urllib3.connectionpool=WARN',
      'urllib3.connectionpool=WARN',
      'websocket=WARN',
      'requests.packages.urllib3.util.retry=WARN',
      'urllib3.util.retry=WARN',
      'keystonemiddleware=WARN',
      'routes.middleware=WARN',
      'stevedore=WARN',
      'taskflow=WARN',
      'keystoneauth=WARN',
      'oslo.cache=INFO',
      'oslo_policy=INFO',
      'dogpile.core.dogpile=INFO',
    ],
    'Levels of loggers, as logger=LEVEL; LEVEL is a word or a number',
    { mutable: true },
  ),
  publish_errors: bool(false, 'Send each record at ERROR as a notification', { ignored: true }),
  rate_limit_interval: int(0, 'Seconds in which at most rate_limit_burst records are written; 0 for no limit', {
    mutable: true,
  }),
  rate_limit_burst: int(0, 'Records in rate_limit_interval; 0 for no limit', { mutable: true }),
  rate_limit_except_level: str('CRITICAL', 'Level from which records pass the rate limit; empty for none', {
    mutable: true,
  }),
};

/** The log's own options in `[volume_daemon]`. */
export const ownLoggingOptions = {
  log_dedup_interval: int(
    60,
    'Seconds in which a record at WARNING or above is written at most three times; 0 for no limit',
    {
      min: 0,
      mutable: true,
    },
  ),
};

/** What the log wants read from the files. */
export const loggingGroups: readonly OptionGroup[] = [
  { group: 'DEFAULT', options: loggingOptions },
  { group: 'volume_daemon', options: ownLoggingOptions },
];

/** The values of both groups in one record. */
export type LogValues = ValuesOf<typeof loggingOptions> & ValuesOf<typeof ownLoggingOptions>;

export type FormatValues = ValuesOf<typeof formatOptions>;
