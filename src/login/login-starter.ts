import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AuthStrategy, type LoginStart } from '../auth-strategy/auth.strategy.js';
import { LoginTransactions, type PendingLogin } from './login-transaction.js';
import { SignUpPolicy } from '../accounts/sign-up.policy.js';

/** Maximum characters of a hint about who logs in, or in which language. */
export const maximumHintLength = 256;
/** Maximum characters of a hint as it is encoded in the query of the way to Hydra, whose length is limited. */
const maximumEncodedLength = 512;

/** The input of a browser login, for the first try or another one. */
export interface LoginRequest extends Omit<PendingLogin, 'checks'>, Pick<LoginStart, 'kind'> {
  /** The request's query; the strategy's hints in it are passed on to the provider. */
  readonly query: Readonly<Record<string, unknown>>;
}

/** Starts logins and registrations of browsers. */
@Injectable()
export class LoginStarter {
  constructor(
    private readonly strategy: AuthStrategy,
    private readonly signUp: SignUpPolicy,
    private readonly transactions: LoginTransactions,
  ) {}

  /**
   * Starts a login. What the provider's answer must match is kept in a cookie of this browser.
   * @returns where to send the browser.
   * @throws {Problem} `signup_refused`, `provider_unavailable`, `provider_misconfigured`
   */
  async start(login: LoginRequest, reply: FastifyReply): Promise<URL> {
    const { kind, returnTo, demand, attempt, query } = login;
    if (kind === 'signup') {
      await this.signUp.requireBegun({ destination: returnTo });
    }
    const hints = this.strategy.hints.flatMap((name) => {
      const value = query[name];
      return typeof value === 'string' &&
        value !== '' &&
        value.length <= maximumHintLength &&
        encodeURIComponent(value).length <= maximumEncodedLength
        ? [[name, value]]
        : [];
    });
    const { url, checks } = await this.strategy.begin({
      kind,
      hints: Object.fromEntries(hints),
      demand,
      attempt,
    });
    this.transactions.start(reply, { checks, returnTo, attempt, demand });
    return url;
  }
}
