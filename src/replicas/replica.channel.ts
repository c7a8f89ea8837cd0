/** What replicas tell each other. */
export type ReplicaTopic = 'revocations' | 'signing-keys';

/** Whoever wants to hear of a topic. */
export interface ReplicaListener {
  /** @param message as another replica (or a command) sent it: parse it. */
  onMessage(message: unknown): void;
  /** The channel is there (again): what was said meanwhile is lost, read the truth. */
  onReconnect(): void;
}

/**
 * Port: news between the replicas of one deployment, within milliseconds and without a promise. SQL is the truth: what
 * isn't heard is read there a little later.
 */
export abstract class ReplicaChannel {
  /** `none` when nothing is configured: there's nothing to be degraded then. */
  abstract readonly state: 'none' | 'connected' | 'disconnected';

  /** Tells the other replicas. Never throws and never waits. */
  abstract publish(topic: ReplicaTopic, message: unknown): void;

  abstract subscribe(topic: ReplicaTopic, listener: ReplicaListener): void;

  /** Resolves when what was published has left this process, at the latest after two seconds; for commands that end. */
  abstract close(): Promise<void>;
}

/** One replica, or several that read SQL only. */
export class NoReplicaChannel extends ReplicaChannel {
  readonly state = 'none';

  publish(): void {
    // Nobody to tell.
  }

  subscribe(): void {
    // Nobody will tell.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
