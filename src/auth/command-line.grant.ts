import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../audit/audit.service.js';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import { fullScope } from '../session/scopes.js';
import type { MintedSession } from '../session/session.minter.js';
import type { RequestOrigin } from './auth.service.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { codeFormSchema } from './command-line.schemas.js';
import { OAuthError } from './oauth.error.js';
import { TokenExchange } from './token-exchange.service.js';
import { exchangeFormSchema, exchangeGrantType, tokenTypes } from './token-exchange.schemas.js';

/** How long a command line stays logged in, in milliseconds. */
const keyLife = 30 * 86_400_000;

/** What a command line gets for its code. */
export interface CommandLineTokens extends MintedSession {
  /** The API key that it gets further tokens with, by token exchange. */
  readonly key: string;
  readonly keyId: string;
}

/**
 * The `authorization_code` grant of command lines. A login is an API key of the person's, which they see and revoke with their
 * other ones and which ends by itself; the program exchanges it for short tokens.
 */
@Injectable()
export class CommandLineGrant {
  readonly #logins: CommandLineLogins;
  readonly #keys: ApiKeysService;
  readonly #exchange: TokenExchange;
  readonly #audit: AuditService;
  readonly #clock: Clock;

  constructor(
    logins: CommandLineLogins,
    keys: ApiKeysService,
    exchange: TokenExchange,
    audit: AuditService,
    clock: Clock,
  ) {
    this.#logins = logins;
    this.#keys = keys;
    this.#exchange = exchange;
    this.#audit = audit;
    this.#clock = clock;
  }

  /** @param body the form as it came. @throws {OAuthError}; {Problem} when something can't be reached. */
  async grant(body: unknown, origin: RequestOrigin): Promise<CommandLineTokens> {
    const form = codeFormSchema.safeParse(body);
    if (!form.success) {
      const names = new Set(form.error.issues.map(({ path }) => String(path[0])));
      throw new OAuthError('invalid_request', `missing, given twice, or not valid: ${[...names].join(', ')}`);
    }
    try {
      const { principal, device } = await this.#logins.redeem(form.data);
      const expiresAt = new Date(this.#clock.now() + keyLife).toISOString();
      const wish = { name: `Command line on ${device}`, scope: [fullScope], expiresAt };
      const { id, key } = await this.#keys.create(principal, wish, origin);
      const exchangeForm = exchangeFormSchema.parse({
        grant_type: exchangeGrantType,
        subject_token: key,
        subject_token_type: tokenTypes.apiKey,
      });
      const minted = await this.#exchange.exchange({ form: exchangeForm, principal: undefined, origin });
      return { ...minted, key, keyId: id };
    } catch (error) {
      const refusal = toRefusal(error);
      const { reason } = refusal;
      await this.#audit.record({ type: 'token_exchanged', outcome: 'failure', reason, ...origin });
      throw refusal;
    }
  }
}

function toRefusal(error: unknown): OAuthError | Problem {
  if (error instanceof OAuthError || (error instanceof Problem && error.definition.status >= 500)) {
    return error;
  }
  if (error instanceof Problem) {
    return new OAuthError('invalid_grant', error.detail ?? 'the code cannot be used', error.reason);
  }
  return new Problem('internal_error', { reason: 'command_line_login_failed', cause: error });
}
