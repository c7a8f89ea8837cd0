import { unavailable } from '../../core/vendor.call.js';
import type { ExchangedTokens } from '../../oidc/relying.party.js';
import { AuthStrategy, type ProviderSessionState, type ValidatedLogin } from '../auth.strategy.js';

/** Stands behind the port for a provider that this version can't talk to yet: every login answers 503. */
export class UnavailableStrategy extends AuthStrategy {
  async authorizationUrl(): Promise<URL> {
    throw unavailable('provider_not_implemented');
  }

  async exchange(): Promise<ExchangedTokens> {
    throw unavailable('provider_not_implemented');
  }

  async validate(): Promise<ValidatedLogin> {
    throw unavailable('provider_not_implemented');
  }

  async discard(): Promise<void> {
    throw unavailable('provider_not_implemented');
  }

  async sessionState(): Promise<ProviderSessionState> {
    return 'unknown';
  }

  async endSession(): Promise<undefined> {
    return undefined;
  }

  async requireReady(): Promise<void> {
    throw unavailable('provider_not_implemented');
  }
}
