import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { redisSettings } from '../redis/redis.settings.js';
import { NoReplicaChannel, ReplicaChannel } from './replica-channel.js';

/** The module of messages between replicas: over Redis if it is configured, otherwise over a channel that does nothing. */
@Module({
  providers: [
    {
      provide: ReplicaChannel,
      inject: [CONFIGURATION],
      useFactory: async (configuration: Configuration): Promise<ReplicaChannel> => {
        const settings = redisSettings(configuration);
        if (settings === undefined) {
          return new NoReplicaChannel();
        }
        const { RedisChannel } = await import('./redis-channel.js');
        return new RedisChannel(settings, configuration.PUBLIC_URL);
      },
    },
  ],
  exports: [ReplicaChannel],
})
export class ReplicasModule implements OnApplicationShutdown {
  constructor(private readonly channel: ReplicaChannel) {}

  async onApplicationShutdown(): Promise<void> {
    await this.channel.close();
  }
}
