/** The topics of messages between replicas. */
export type ReplicaTopic = 'revocations' | 'signing-keys';

/** A listener for one topic. */
export interface ReplicaListener {
  /** Receives a message. @param message as another replica (or a command) sent it: parse it. */
  onMessage(message: unknown): void;
  /** Called when the channel is connected (again). Messages sent in the meantime are lost: read SQL. */
  onReconnect(): void;
}

/**
 * Port: messages between the replicas of one deployment, delivered within milliseconds but without a guarantee. SQL is
 * authoritative: a replica reads there a little later what it missed.
 */
export abstract class ReplicaChannel {
  /** Whether the channel is connected; `none` if none is configured, so that nothing can be degraded. */
  abstract readonly state: 'none' | 'connected' | 'disconnected';

  /** Sends a message to the other replicas. Never throws and never waits. */
  abstract publish(topic: ReplicaTopic, message: unknown): void;

  /** Adds a listener to those that a topic has. */
  abstract subscribe(topic: ReplicaTopic, listener: ReplicaListener): void;

  /** Closes the channel, for commands that end. Waits until all messages have left this process, two seconds at most. */
  abstract close(): Promise<void>;
}

/** The channel of a deployment without Redis: one replica, or several that only read SQL. */
export class NoReplicaChannel extends ReplicaChannel {
  readonly state = 'none';

  publish(): void {
    // No other replica can be reached.
  }

  subscribe(): void {
    // No message will arrive.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
