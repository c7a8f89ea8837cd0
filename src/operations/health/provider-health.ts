import { Injectable } from '@nestjs/common';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { SessionService } from '../../session/session.service.js';

/** Checks whether the login provider is available, and whether this deployment is set up there. */
@Injectable()
export class ProviderHealth {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly sessions: SessionService,
  ) {}

  /** Requires a provider that is available and set up. @throws {Problem} `provider_unavailable` */
  async requireReady(): Promise<void> {
    await this.strategy.requireReady();
  }

  /**
   * Whether requests should be sent to this process. Until the first set-up is done, no login can succeed, so none should. If the
   * set-up fails but there may be live sessions, the deployment was set up before, and its sessions need this process.
   */
  async isSetUp(): Promise<boolean> {
    const state = this.strategy.setUpState();
    return state === 'done' || (state === 'failing' && (await this.#mayHaveSessions()));
  }

  async #mayHaveSessions(): Promise<boolean> {
    return this.sessions.hasLive().catch(() => true);
  }
}
