import { Injectable } from '@nestjs/common';
import { AuthStrategy } from '../auth/auth.strategy.js';
import { SessionService } from '../session/session.service.js';

/** How the login provider is, and whether this deployment is set up at it. */
@Injectable()
export class ProviderHealth {
  readonly #strategy: AuthStrategy;
  readonly #sessions: SessionService;

  constructor(strategy: AuthStrategy, sessions: SessionService) {
    this.#strategy = strategy;
    this.#sessions = sessions;
  }

  /** @throws {Problem} `provider_unavailable` unless the provider is there and set up. */
  async requireReady(): Promise<void> {
    await this.#strategy.requireReady();
  }

  /**
   * Whether logins can succeed, or sessions need this process. Until the first set-up is done nobody is to be sent here. When it
   * fails for want of a provider that has served this deployment before, its sessions go on, and to be served is what they need.
   */
  async isSetUp(): Promise<boolean> {
    const state = this.#strategy.setUpState();
    return state === 'done' || (state === 'failing' && (await this.#mayHaveSessions()));
  }

  async #mayHaveSessions(): Promise<boolean> {
    return this.#sessions.hasLive().catch(() => true);
  }
}
