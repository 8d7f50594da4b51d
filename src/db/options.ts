import { bool, int, type OptionGroup, str, type ValuesOf } from '../interface/options.ts';
import { quotaOptions } from '../interface/quota-options.ts';

/** Where the database is and how patiently it is asked (config.md §12.3). */
export const databaseGroup = {
  group: 'database',
  options: {
    connection: str('sqlite:///$state_path/cinder.sqlite', 'The database, as an SQLAlchemy URL', {
      secret: true,
      was: ['DEFAULT.sql_connection', 'DATABASE.sql_connection', 'sql.connection'],
    }),
    connection_parameters: str('', 'More of the query string of the URL: key=value, joined by &'),
    max_retries: int(10, 'Further tries to reach the database at start; -1 tries for ever', {
      was: ['DEFAULT.sql_max_retries', 'DATABASE.sql_max_retries'],
    }),
    retry_interval: int(10, 'Seconds between those tries, at most', {
      was: ['DEFAULT.sql_retry_interval', 'DATABASE.reconnect_interval'],
    }),
    db_max_retries: int(20, 'Further tries of an operation that found a deadlock or no connection; -1 tries for ever'),
    db_retry_interval: int(1, 'Seconds before the first of them'),
    db_inc_retry_interval: bool(true, 'Wait longer before each of them'),
    db_max_retry_interval: int(10, 'Seconds between two of them, at most'),
    use_db_reconnect: bool(false, 'Try operations again that lost their connection'),
    max_pool_size: int(5, 'Connections to a database server that are kept; 0 sets no limit'),
    max_overflow: int(50, 'Connections above max_pool_size, opened only while all others are busy', {
      was: ['DEFAULT.sql_max_overflow', 'DATABASE.sqlalchemy_max_overflow'],
    }),
    pool_timeout: int(undefined, 'Seconds to wait for a free connection', {
      was: ['DATABASE.sqlalchemy_pool_timeout'],
    }),
    connection_recycle_time: int(3600, 'Age in seconds at which a connection to a server is replaced'),
    mysql_sql_mode: str('TRADITIONAL', 'SQL mode of MySQL and MariaDB sessions; empty keeps the mode of the server'),
    backend: str('sqlalchemy', 'Python library behind the database', { was: ['DEFAULT.db_backend'], ignored: true }),
    connection_debug: int(0, 'How much SQL Python logs', {
      min: 0,
      max: 100,
      was: ['DEFAULT.sql_connection_debug'],
      ignored: true,
    }),
    connection_trace: bool(false, 'Python stack traces as comments in SQL', {
      was: ['DEFAULT.sql_connection_trace'],
      ignored: true,
    }),
    mysql_enable_ndb: bool(false, 'MySQL Cluster', { ignored: true }),
    slave_connection: str(undefined, 'URL of a replica that is only read', { secret: true, ignored: true }),
    sqlite_synchronous: bool(true, 'Wait for the disk at a commit; this daemon always does', {
      was: ['DEFAULT.sqlite_synchronous'],
      ignored: true,
    }),
  },
} satisfies OptionGroup;

/** Quotas, messages to users and the default type: what the tables need to know. */
export const tableGroup = {
  group: 'DEFAULT',
  options: {
    quota_volumes: int(10, 'Volumes a project may have'),
    quota_snapshots: int(10, 'Snapshots a project may have'),
    quota_gigabytes: int(1000, 'GiB of volumes and snapshots a project may have'),
    quota_backups: int(10, 'Backups a project may have'),
    quota_backup_gigabytes: int(1000, 'GiB of backups a project may have'),
    quota_groups: int(10, 'Groups a project may have'),
    per_volume_size_limit: int(-1, 'GiB a single volume may have; -1 is no limit'),
    quota_consistencygroups: int(10, 'Consistency groups a project may have'),
    use_default_quota_class: bool(true, 'Take limits from the quota class "default" before those above'),
    ...quotaOptions,
    reservation_expire: int(86400, 'Seconds after which a reservation of quota expires'),
    until_refresh: int(0, 'Reservations after which the usage of a project is counted anew; 0 never'),
    max_age: int(0, 'Seconds after which the usage of a project is counted anew; 0 never'),
    message_ttl: int(2592000, 'Seconds for which a message to a user can be read'),
    default_volume_type: str('__DEFAULT__', 'Type of a volume that was created without one'),
  },
} satisfies OptionGroup;

/** Values of `[database]` and of the options above, as `openDatabase` takes them. */
export type DatabaseOptions = ValuesOf<(typeof databaseGroup)['options']> & TableOptions;

export type TableOptions = ValuesOf<(typeof tableGroup)['options']>;
