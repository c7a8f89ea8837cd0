import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Problem } from '../../platform/errors/problem.error.js';
import { CommandLineKeys } from './command-line-keys.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { codeFormSchema, commandLineClient } from './command-line.schemas.js';
import { OAuthError, invalidForm, toRefusal } from '../../session/tokens/oauth.error.js';
import { type Granted, type TokenGrant, TokenGrants } from '../../session/tokens/token-grants.js';
import { codeGrantType } from '../../session/tokens/token-types.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** The `authorization_code` grant of command lines. */
@Injectable()
export class CommandLineGrant implements TokenGrant, OnModuleInit {
  readonly type = codeGrantType;
  readonly clientId = commandLineClient;
  readonly purpose = 'the command line';
  readonly authorizationPath = '/auth/cli';

  constructor(
    private readonly logins: CommandLineLogins,
    private readonly keys: CommandLineKeys,
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
      return await this.keys.make({ principal, client }, device);
    } catch (error) {
      throw toRefusal(error, refusedCode, 'command_line_login_failed');
    }
  }
}

/** The refusal of a code for what its user may no longer do. */
export function refusedCode({ detail, reason }: Problem): OAuthError {
  return new OAuthError('invalid_grant', detail ?? 'the code cannot be used', reason);
}
