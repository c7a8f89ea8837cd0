import { Body, Controller, HttpCode, Logger, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuthStrategy } from '../../../auth-strategy/auth.strategy.js';
import { endAllAtProvider } from '../../../auth-strategy/provider.logout.js';
import { logoutTokenOf, refuseLogout } from '../../../login/backchannel-logout.controller.js';
import { BackchannelLogoutService } from '../../../login/backchannel-logout.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { type ClientInfo, clientInfoOf } from '../../../platform/http/client.info.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { RateLimited } from '../../../session/guards/rate-limited.decorator.js';
import { connectionIssuer } from './connection.issuer.js';
import { ConnectionRepository } from './connection.repository.js';
import type { ProviderConnection } from './connection.js';
import { Connections } from './connections.js';

/** The endpoint where a company's provider reports that a user was logged out there (OpenID Connect Back-Channel Logout 1.0). */
@ApiExcludeController()
@Controller('auth/connections')
export class ConnectionLogoutController {
  readonly #logger = new Logger(ConnectionLogoutController.name);
  readonly #connections: Connections;
  readonly #repository: ConnectionRepository;
  readonly #logouts: BackchannelLogoutService;
  readonly #strategy: AuthStrategy;

  constructor(
    connections: Connections,
    repository: ConnectionRepository,
    logouts: BackchannelLogoutService,
    strategy: AuthStrategy,
  ) {
    this.#connections = connections;
    this.#repository = repository;
    this.#logouts = logouts;
    this.#strategy = strategy;
  }

  @Post(':id/backchannel-logout')
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
    const connection = await this.#connections.find(id);
    if (connection?.by !== 'redirect') {
      throw new Problem('not_found', { reason: 'connection_unknown' });
    }
    const token = logoutTokenOf(request, form);
    if (token === undefined) {
      return refuseLogout(reply, 'a form with one logout_token is needed');
    }
    try {
      await this.#end(connection, token, clientInfoOf(request));
      return {};
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        this.#logger.warn('a logout token was refused', { reason: error.reason, connection: id });
        return refuseLogout(reply, 'the logout token was not accepted');
      }
      throw error;
    }
  }

  /** Ends the sessions at the connection, then those here that came from them, then Hydra's, which notifies other applications. */
  async #end({ id, provider }: ProviderConnection, token: string, client: ClientInfo): Promise<void> {
    const notice = await provider.verifyLogoutToken(token);
    const issuer = connectionIssuer(id);
    await this.#logouts.once(notice, async () => {
      const { sid, subject } = notice;
      for (const session of await this.#repository.endBehind({ connectionId: id, sid, subject })) {
        const ended = await this.#logouts.end({ issuer, providerSessionId: session.id }, client);
        await endAllAtProvider(this.#strategy, ended);
      }
    });
  }
}
