import { Injectable, Logger } from '@nestjs/common';
import type { ClientInfo } from '../../../platform/http/client-info.js';
import { UsedTokenRepository } from '../../../session/store/used-token.repository.js';
import { SignalActor } from './signal-actor.js';
import { SignalVerifier } from './signal-verifier.js';

/** Receives signals of other providers: each security event token is acted on once. */
@Injectable()
export class SignalReceiver {
  readonly #logger = new Logger(SignalReceiver.name);

  constructor(
    private readonly verifier: SignalVerifier,
    private readonly actor: SignalActor,
    private readonly usedTokens: UsedTokenRepository,
  ) {}

  /** Whether any transmitter is trusted. */
  get isOn(): boolean {
    return this.verifier.isOn;
  }

  /**
   * Acts on a token. One that was received before is acknowledged again and ends nothing: the transmitter may have missed the answer
   * (RFC 8935 section 2), and a replay must not reach a later login.
   *
   * As with logout tokens, sessions end before the token is marked as used: if the database fails in between, it is sent again.
   * @throws {SignalRefusal}
   * @throws {Problem} `provider_unavailable`, `database_unavailable`
   */
  async receive(token: string, client: ClientInfo): Promise<void> {
    const signal = await this.verifier.verify(token);
    // Logout tokens of the same provider have ids of their own. No issuer begins like this.
    const issuer = `signals:${signal.transmitter.issuer}`;
    if (await this.usedTokens.isUsed(issuer, signal.jti)) {
      this.#logger.log('a signal was received again', { jti: signal.jti, reason: 'signal_used' });
      return;
    }
    await this.actor.act(signal, client);
    await this.usedTokens.use(issuer, signal.jti, signal.expiresAt);
  }
}
