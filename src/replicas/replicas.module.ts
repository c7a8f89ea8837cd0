import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { RedisChannel } from './redis.channel.js';
import { NoReplicaChannel, ReplicaChannel } from './replica.channel.js';

/** Redis where it's configured, else nothing. */
export function openReplicaChannel({ REDIS_URL, PUBLIC_URL }: Configuration): ReplicaChannel {
  return REDIS_URL === undefined ? new NoReplicaChannel() : new RedisChannel(REDIS_URL, PUBLIC_URL);
}

@Injectable()
class ChannelCloser implements OnApplicationShutdown {
  readonly #channel: ReplicaChannel;

  constructor(channel: ReplicaChannel) {
    this.#channel = channel;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#channel.close();
  }
}

/** News between replicas. */
@Module({
  providers: [
    { provide: ReplicaChannel, inject: [CONFIGURATION], useFactory: openReplicaChannel },
    ChannelCloser,
  ],
  exports: [ReplicaChannel],
})
export class ReplicasModule {}
