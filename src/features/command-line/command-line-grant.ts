import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { Problem } from '../../platform/errors/problem.error.js';
import { fullScope } from '../../session/guards/scopes.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { codeFormSchema, commandLineClient } from './command-line.schemas.js';
import { OAuthError, invalidForm, toRefusal } from '../token-exchange/oauth.error.js';
import { type GrantedTokens, type TokenGrant, TokenGrants } from '../token-exchange/token-grants.js';
import { TokenExchange } from '../token-exchange/token-exchange.service.js';
import { tokenExchangeEvents } from '../token-exchange/token-exchange-audit-events.js';
import { codeGrantType, exchangeFormSchema } from '../token-exchange/token-exchange.schemas.js';
import { exchangeGrantType, tokenTypes } from '../../session/tokens/token-types.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** Milliseconds for which a command line stays logged in. */
const keyLife = 30 * 86_400_000;

/**
 * The `authorization_code` grant of command lines. A login is an API key of the user's. They see and revoke it with their other
 * keys, and it expires by itself; with it, the program gets short-lived tokens by token exchange.
 */
@Injectable()
export class CommandLineGrant implements TokenGrant, OnModuleInit {
  readonly type = codeGrantType;
  readonly clientId = commandLineClient;
  readonly purpose = 'the command line';
  readonly authorizationPath = '/auth/cli';

  constructor(
    private readonly logins: CommandLineLogins,
    private readonly keys: ApiKeysService,
    private readonly exchange: TokenExchange,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly grants: TokenGrants,
  ) {}

  onModuleInit(): void {
    this.grants.add(this);
  }

  /** Grants tokens for a code. @param body the form as it came. @throws {OAuthError}; {Problem} when a dependency can't be reached. */
  async grant(body: unknown, client: ClientInfo): Promise<GrantedTokens> {
    const form = codeFormSchema.safeParse(body);
    if (!form.success) {
      throw invalidForm(form.error);
    }
    try {
      const { principal, device } = await this.logins.redeem(form.data, client);
      const expiresAt = new Date(this.clock.now() + keyLife).toISOString();
      const input = { name: `Command line on ${device}`, scope: [fullScope], expiresAt };
      const { id, key } = await this.keys.create({ principal, client }, input);
      const exchangeForm = exchangeFormSchema.parse({
        grant_type: exchangeGrantType,
        subject_token: key,
        subject_token_type: tokenTypes.apiKey,
      });
      const minted = await this.exchange.exchange({ form: exchangeForm, principal: undefined, client });
      return { minted, members: { api_key: key, api_key_id: id } };
    } catch (error) {
      const refusal = toRefusal(error, refused, 'command_line_login_failed');
      const { reason } = refusal;
      const { type } = tokenExchangeEvents.token_exchanged;
      await this.audit.record({ type, outcome: 'failure', reason, ...client });
      throw refusal;
    }
  }
}

function refused({ detail, reason }: Problem): OAuthError {
  return new OAuthError('invalid_grant', detail ?? 'the code cannot be used', reason);
}
