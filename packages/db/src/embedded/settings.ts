/** Name of the database and of its one role. */
export const DATABASE_NAME = 'postgres';
export const ROLE_NAME = 'shadow';
/** Part of the socket's name; no TCP port is opened. */
export const SOCKET_PORT = 5432;

/**
 * Settings of the embedded server, given at each start so that a new version's apply to old data. Sized for one
 * server process and its few connections; idle memory matters more than the last query's speed.
 * @param socketDirectory the only way in
 */
export function serverSettings(socketDirectory: string): Record<string, string> {
  return {
    listen_addresses: '',
    unix_socket_directories: socketDirectory,
    unix_socket_permissions: '0700',
    port: String(SOCKET_PORT),
    max_connections: '50',
    // An acknowledged commit is on disk.
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    restart_after_crash: 'on',
    // No replicas and no archive: less WAL, and two processes fewer.
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_logical_replication_workers: '0',
    min_wal_size: '32MB',
    max_wal_size: '256MB',
    checkpoint_timeout: '15min',
    shared_buffers: '32MB',
    work_mem: '8MB',
    maintenance_work_mem: '32MB',
    huge_pages: 'off',
    jit: 'off',
    // The alternative keeps three worker processes.
    io_method: 'sync',
    autovacuum_max_workers: '1',
    autovacuum_worker_slots: '1',
    max_worker_processes: '1',
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    // Our logger adds the time. Errors of statements go to whoever sent them: here they would show data.
    log_line_prefix: '',
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    log_autovacuum_min_duration: '-1',
  };
}
