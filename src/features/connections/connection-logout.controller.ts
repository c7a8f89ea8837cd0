import { Body, Controller, HttpCode, Logger, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { logoutTokenOf, refuseLogout } from '../../login/backchannel-logout.controller.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { UnreadableAs, asOAuthError } from '../../platform/http/unreadable-body.js';
import { Public } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { ConnectionLogouts } from './connection-logouts.js';
import { Connections } from './connections.js';

/** The endpoint where a company's provider reports that a user was logged out there (OpenID Connect Back-Channel Logout 1.0). */
@ApiExcludeController()
@Controller('auth/connections')
export class ConnectionLogoutController {
  readonly #logger = new Logger(ConnectionLogoutController.name);

  constructor(
    private readonly connections: Connections,
    private readonly logouts: ConnectionLogouts,
  ) {}

  @Post(':id/backchannel-logout')
  @UnreadableAs(asOAuthError)
  @HttpCode(200)
  @Public()
  @RateLimited('logout-address')
  async logout(
    @Param('id') id: string,
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    void reply.header('cache-control', 'no-store');
    const connection = await this.connections.find(id);
    if (connection?.by !== 'redirect') {
      throw new Problem('not_found', { reason: 'connection_unknown' });
    }
    const token = logoutTokenOf(request, form);
    if (token === undefined) {
      return refuseLogout(reply, 'a form with one logout_token is needed');
    }
    try {
      await this.logouts.end(id, await connection.provider.verifyLogoutToken(token), clientInfoOf(request));
      return {};
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        this.#logger.warn('a logout token was refused', { reason: error.reason, connection: id });
        return refuseLogout(reply, 'the logout token was not accepted');
      }
      throw error;
    }
  }
}
