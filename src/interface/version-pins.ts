/** Services by the name of their program, as `services.binary` has it. */
export type Binary = 'cinder-scheduler' | 'cinder-backup' | 'cinder-volume';

/** What the peers' rows allow us to send them (objects.md §5.3, rpc.md §3). Read once, and again after SIGHUP. */
export interface VersionPins {
  /** The lowest set of object versions of a program's services, or of all services where none is named. */
  objects(binary?: Binary): Promise<string>;
  /** The lowest RPC version of a program's services; undefined where there is none. */
  rpc(binary: Binary): Promise<string | undefined>;
}
