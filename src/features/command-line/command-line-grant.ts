import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ApiKeysService } from '../../api-keys/api-keys.service.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { Problem } from '../../platform/errors/problem.error.js';
import { fullScope } from '../../session/guards/scopes.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { codeFormSchema, commandLineClient } from './command-line.schemas.js';
import { OAuthError, invalidForm, toRefusal } from '../../session/tokens/oauth.error.js';
import { type Granted, type TokenGrant, TokenGrants } from '../../session/tokens/token-grants.js';
import { codeGrantType } from '../../session/tokens/token-types.js';
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
    private readonly clock: Clock,
    private readonly grants: TokenGrants,
  ) {}

  onModuleInit(): void {
    this.grants.add(this);
  }

  /** Grants a key for a code. @param body the form as it came. @throws {OAuthError}; {Problem} when a dependency can't be reached. */
  async grant(body: unknown, client: ClientInfo): Promise<Granted> {
    const form = codeFormSchema.safeParse(body);
    if (!form.success) {
      throw invalidForm(form.error);
    }
    try {
      const { principal, device } = await this.logins.redeem(form.data, client);
      const expiresAt = new Date(this.clock.now() + keyLife).toISOString();
      const input = { name: `Command line on ${device}`, scope: [fullScope], expiresAt };
      const { id, key } = await this.keys.create({ principal, client }, input);
      return { apiKey: key, members: { api_key: key, api_key_id: id } };
    } catch (error) {
      throw toRefusal(error, refused, 'command_line_login_failed');
    }
  }
}

function refused({ detail, reason }: Problem): OAuthError {
  return new OAuthError('invalid_grant', detail ?? 'the code cannot be used', reason);
}
