import { Injectable } from '@nestjs/common';
import { ApiKeysService } from '../api-keys/api-keys.service.js';
import { AuditService } from '../directory/audit/audit.service.js';
import { Clock } from '../platform/time/clock.service.js';
import type { Problem } from '../platform/errors/problem.error.js';
import { fullScope } from '../session/guards/scopes.js';
import type { MintedSession } from '../session/session.minter.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { codeFormSchema } from './command-line.schemas.js';
import { OAuthError, invalidForm, toRefusal } from './oauth.error.js';
import { TokenExchange } from './token-exchange.service.js';
import { exchangeFormSchema, exchangeGrantType, tokenTypes } from './token-exchange.schemas.js';
import type { ClientInfo } from '../platform/http/client.info.js';

/** Milliseconds for which a command line stays logged in. */
const keyLife = 30 * 86_400_000;

/** The tokens that a command line gets for its code. */
export interface CommandLineTokens extends MintedSession {
  /** The API key with which it gets further tokens, by token exchange. */
  readonly key: string;
  readonly keyId: string;
}

/**
 * The `authorization_code` grant of command lines. A login is an API key of the user's. They see and revoke it with their other
 * keys, and it expires by itself; the program exchanges it for short-lived tokens.
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

  /** Grants tokens for a code. @param body the form as it came. @throws {OAuthError}; {Problem} when a dependency can't be reached. */
  async grant(body: unknown, client: ClientInfo): Promise<CommandLineTokens> {
    const form = codeFormSchema.safeParse(body);
    if (!form.success) {
      throw invalidForm(form.error);
    }
    try {
      const { principal, device } = await this.#logins.redeem(form.data);
      const expiresAt = new Date(this.#clock.now() + keyLife).toISOString();
      const input = { name: `Command line on ${device}`, scope: [fullScope], expiresAt };
      const { id, key } = await this.#keys.create({ principal, client }, input);
      const exchangeForm = exchangeFormSchema.parse({
        grant_type: exchangeGrantType,
        subject_token: key,
        subject_token_type: tokenTypes.apiKey,
      });
      const minted = await this.#exchange.exchange({ form: exchangeForm, principal: undefined, client });
      return { ...minted, key, keyId: id };
    } catch (error) {
      const refusal = toRefusal(error, refused, 'command_line_login_failed');
      const { reason } = refusal;
      await this.#audit.record({ type: 'token_exchanged', outcome: 'failure', reason, ...client });
      throw refusal;
    }
  }
}

function refused({ detail, reason }: Problem): OAuthError {
  return new OAuthError('invalid_grant', detail ?? 'the code cannot be used', reason);
}
