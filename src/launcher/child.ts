/** How a child ended; exactly one of the two is not null (L-155). */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that the launcher keeps alive: a worker of the cluster, or a program such as a target daemon. */
export interface Child {
  readonly pid: number;
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
  /** Tells the child something; false where it cannot be told. */
  send(message: object): boolean;
}

/** What is kept alive: one backend, the embedded broker, a target daemon. */
export interface Job {
  /** Its key: a backend's section, or a word of its own. */
  readonly name: string;
  /** What log lines call it: `host@backend`. */
  readonly label: string;
  /** Others need it: it starts first and stops last. */
  readonly infrastructure: boolean;
  /** How a child is asked to end; SIGTERM where this is left out. */
  end?(child: Child): void;
  /** Starts one child. Rejects when it cannot be started: tried again by the rules of a death. */
  spawn(): Promise<Child>;
}
