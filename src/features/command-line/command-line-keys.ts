import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { Clock } from '../../platform/time/clock.service.js';
import { fullScope } from '../../session/guards/scopes.js';
import type { Caller } from '../../session/principal.js';
import type { Granted } from '../../session/tokens/token-grants.js';

/** Milliseconds for which a command line stays logged in. */
const keyLife = 30 * 86_400_000;

/**
 * The logins of command lines: each is an API key of the user's. They see and revoke it with their other keys, and it expires by itself;
 * with it, the program gets short-lived tokens by token exchange.
 */
@Injectable()
export class CommandLineKeys {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly clock: Clock,
  ) {}

  /** Makes the key of a user's machine. @throws {Problem} as {@link ApiKeysService.create} */
  async make(caller: Caller, machine: string): Promise<Granted> {
    const expiresAt = new Date(this.clock.now() + keyLife).toISOString();
    const input = { name: `Command line on ${machine}`, scope: [fullScope], expiresAt };
    const { id, key } = await this.keys.create(caller, input);
    return { apiKey: key, members: { api_key: key, api_key_id: id } };
  }
}
