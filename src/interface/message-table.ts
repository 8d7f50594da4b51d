/** A message that a user can read (manager.md §15). */
export interface NewMessage {
  readonly project_id: string;
  readonly request_id: string;
  readonly resource_type: 'VOLUME' | 'VOLUME_SNAPSHOT';
  readonly resource_uuid: string;
  /** Three digits each. */
  readonly action_id: string;
  readonly detail_id: string;
}

export interface MessageTable {
  create(message: NewMessage): Promise<void>;
  ofResource(resourceId: string): Promise<readonly NewMessage[]>;
}
