import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import type { CommandLine } from '../../platform/features/command-line.js';
import { ReplicaChannel } from '../../platform/pubsub/replica-channel.js';
import { Clock } from '../../platform/time/clock.service.js';
import { SignalDatabase } from './signal.schema.js';

/** Adds the keys that sign security events to `vestibule keys`. */
export function addSignalKeys({ addKeys }: CommandLine): void {
  addKeys(async (services) => {
    // Loaded here, as other commands start without them.
    const { SignalKeys } = await import('./transmitter/signal-keys.js');
    const { SignalKeyRepository } = await import('./transmitter/signal-key.repository.js');
    const { SigningKeyRing } = await import('../../session/tokens/signing-key-ring.js');
    return new SignalKeys(
      new SignalKeyRepository(services.get(SignalDatabase)),
      services.get(SigningKeyRing),
      services.get(ReplicaChannel),
      services.get(Clock),
      services.get<Configuration>(CONFIGURATION),
    );
  });
}
