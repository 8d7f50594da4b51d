import { bool, choice, float, int, list, multi, type OptionGroup, str, type ValuesOf } from '../interface/options.ts';

/** `[DEFAULT]`: where the broker is, and how RPC behaves. */
export const rpcOptions = {
  transport_url: str(
    'rabbit://',
    'Where the message broker is: rabbit://user:password@host:5672/virtual_host, several hosts separated by commas; or ' +
      "embedded:// for the daemon's own, on a machine without one",
    { secret: true },
  ),
  rpc_backend: str(undefined, 'The scheme of transport_url where that is not set', {
    removal: 'transport_url names the broker',
  }),
  control_exchange: str('openstack', 'The exchange of all topics'),
  rpc_response_timeout: int(60, 'Seconds to wait for a reply', { min: 1 }),
  executor_thread_pool_size: int(64, 'Operations that one worker executes at once; casts hold at most three quarters', {
    min: 1,
    was: ['rpc_thread_pool_size'],
  }),
  rpc_ping_enabled: bool(false, 'Answer oslo_rpc_server_ping, for probes from outside'),
};

/** `[oslo_messaging_rabbit]`: what peers use as well must be set to the same there, or the broker refuses the queues. */
export const rabbitOptions = {
  amqp_durable_queues: bool(false, 'Queues and exchanges outlive a restart of the broker', {
    was: ['DEFAULT.amqp_durable_queues', 'DEFAULT.rabbit_durable_queues'],
  }),
  amqp_auto_delete: bool(false, 'The broker deletes queues that lost their last consumer', {
    was: ['DEFAULT.amqp_auto_delete'],
  }),
  rabbit_ha_queues: bool(false, 'Mirrored queues (x-ha-policy), for RabbitMQ before 3.0', {
    was: ['DEFAULT.rabbit_ha_queues'],
  }),
  rabbit_quorum_queue: bool(false, 'Quorum queues, which are durable'),
  rabbit_transient_quorum_queue: bool(false, 'Reply and fan-out queues are quorum queues as well'),
  rabbit_quorum_delivery_limit: int(0, 'Deliveries of one message before a quorum queue drops it; 0 is no limit'),
  rabbit_quorum_max_memory_length: int(0, 'Messages that a quorum queue keeps in memory; 0 is no limit', {
    was: ['rabbit_quroum_max_memory_length'],
  }),
  rabbit_quorum_max_memory_bytes: int(0, 'Bytes that a quorum queue keeps in memory; 0 is no limit', {
    was: ['rabbit_quroum_max_memory_bytes'],
  }),
  rabbit_transient_queues_ttl: int(1800, 'Seconds that an unused reply or fan-out queue lives on; 0 is for ever', {
    min: 0,
  }),
  rabbit_stream_fanout: bool(false, 'One stream queue a topic instead of a fan-out queue a process'),
  use_queue_manager: bool(false, 'Reply and fan-out queues keep their names over restarts'),
  hostname: str(undefined, "Part of such names; the machine's host name if unset"),
  processname: str(undefined, "Part of such names; the program's name if unset"),
  rabbit_qos_prefetch_count: int(0, 'Messages a queue may deliver ahead; 0 is executor_thread_pool_size', { min: 0 }),
  rabbit_retry_interval: int(1, 'Seconds before the first new try to connect', { min: 1 }),
  rabbit_retry_backoff: int(2, 'Factor by which the pause between tries grows', {
    min: 1,
    was: ['DEFAULT.rabbit_retry_backoff'],
  }),
  rabbit_interval_max: int(30, 'Seconds that the pause grows to', { min: 1 }),
  kombu_reconnect_delay: float(1.0, 'Seconds before a lost consumer or connection is replaced', {
    min: 0,
    max: 4.5,
    was: ['DEFAULT.kombu_reconnect_delay'],
  }),
  kombu_reconnect_splay: float(0.0, 'Seconds of random addition to that, at least one', { min: 0 }),
  kombu_failover_strategy: choice(['round-robin', 'shuffle'], 'round-robin', 'How the next of several hosts is found'),
  kombu_missing_consumer_retry_timeout: int(60, 'Seconds that a reply waits for a reply queue that is missing', {
    was: ['kombu_reconnect_timeout'],
  }),
  heartbeat_timeout_threshold: int(
    60,
    'Seconds without a sign of life after which a connection is given up; 0 is never',
  ),
  rabbit_login_method: choice(
    ['PLAIN', 'AMQPLAIN', 'EXTERNAL', 'RABBIT-CR-DEMO'],
    'AMQPLAIN',
    'How to log in: EXTERNAL is by client certificate; anything else is PLAIN in AMQP 1.0',
    { anyCase: true, was: ['DEFAULT.rabbit_login_method'] },
  ),
  ssl: bool(false, 'Connect by TLS', { was: ['rabbit_use_ssl'] }),
  ssl_version: str('', 'TLS version to insist on, such as TLSv1_2', { was: ['kombu_ssl_version'] }),
  ssl_key_file: str('', 'Key of the client certificate', { was: ['kombu_ssl_keyfile'] }),
  ssl_cert_file: str('', 'Client certificate', { was: ['kombu_ssl_certfile'] }),
  ssl_ca_file: str('', "Authority that signed the broker's certificate; without one it is not verified", {
    was: ['kombu_ssl_ca_certs'],
  }),
  ssl_enforce_hostname_verification: bool(false, "The broker's certificate must name the host"),
  ssl_enforce_fips_mode: bool(false, 'FIPS mode of the TLS library', { ignored: true }),
  conn_pool_min_size: int(2, 'Idle connections that are kept', { ignored: true }),
  conn_pool_ttl: int(1200, 'Life of an idle connection', { ignored: true }),
  rpc_conn_pool_size: int(30, 'Connections to the broker; a worker has one', {
    min: 1,
    ignored: true,
    was: ['DEFAULT.rpc_conn_pool_size'],
  }),
  direct_mandatory_flag: bool(true, 'Replies to a missing queue are an error', { ignored: true }),
  enable_cancel_on_failover: bool(false, 'Consumer argument x-cancel-on-ha-failover', { ignored: true }),
  heartbeat_in_pthread: bool(false, 'Heartbeat in a thread of its own', { ignored: true }),
  heartbeat_rate: int(2, 'Checks per heartbeat time', { ignored: true }),
  kombu_compression: str(undefined, 'Compression of what is sent; what is received compressed is understood', {
    ignored: true,
  }),
};

/** `[oslo_messaging_notifications]`: whom to tell what happened. */
export const notificationOptions = {
  driver: multi([], 'How notifications are sent: messaging, messagingv2, routing, log, noop', {
    was: ['DEFAULT.notification_driver'],
  }),
  transport_url: str(undefined, 'A broker of its own for notifications', {
    secret: true,
    was: ['DEFAULT.notification_transport_url'],
  }),
  topics: list(['notifications'], 'The topics they are published under', {
    was: ['rpc_notifier2.topics', 'DEFAULT.notification_topics'],
  }),
  retry: int(-1, 'Tries to send one after the first; -1 goes on for ever, 0 is one try', { min: -1 }),
};

/** `[DEFAULT]`: the rules of the notification driver `routing`. */
export const routingOptions = {
  routing_config: str('', 'File with the rules of the notification driver "routing", in YAML', {
    was: ['routing_notifier_config'],
  }),
};

export const messagingOptions: readonly OptionGroup[] = [
  { group: 'DEFAULT', options: rpcOptions },
  { group: 'DEFAULT', options: routingOptions },
  { group: 'oslo_messaging_rabbit', options: rabbitOptions },
  { group: 'oslo_messaging_notifications', options: notificationOptions },
];

export type RpcValues = ValuesOf<typeof rpcOptions>;
export type RabbitValues = ValuesOf<typeof rabbitOptions>;
export type NotificationValues = ValuesOf<typeof notificationOptions>;
