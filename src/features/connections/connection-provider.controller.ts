import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { requireBound } from '../../providers/ory/challenges/ory-challenge.js';
import type { ProviderConnection } from './connection.js';
import { Connections } from './connections.js';
import { ProviderLogins, type ProviderRefusal } from './provider-logins.js';
import { TypedAddress } from './typed-address.js';
import { ChallengeBinding } from '../../providers/ory/hydra/challenge-binding.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { AnySession } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { PageSender } from '../../pages/page-sender.js';
import { ConnectionPage, providerPath } from './connection.view.js';

const statuses: Readonly<Record<ProviderRefusal, number>> = {
  declined: 403,
  misconfigured: 502,
  not_admitted: 403,
  unavailable: 503,
};

/** The routes of a login at a company's provider: to it, and back with its answer. */
@ApiExcludeController()
@Controller('auth/connections')
@AnySession()
export class ConnectionProviderController {
  readonly #publicUrl: string;

  constructor(
    private readonly connections: Connections,
    private readonly logins: ProviderLogins,
    private readonly typed: TypedAddress,
    private readonly binding: ChallengeBinding,
    private readonly hydra: HydraClient,
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) { PUBLIC_URL }: OryConfiguration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  @Get(':id/login')
  @RateLimited('start-address', 'all')
  async begin(
    @Param('id') id: string,
    @Query('login_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const connection = await this.#require(id);
    const challenge = requireBound(this.binding, given, request);
    const { loginHint, requestUrl, uiLocales: locales } = await this.hydra.loginOrigin(challenge);
    const typed = this.typed.read(request);
    const isOwn = typed !== undefined && (await this.connections.ofAddress(typed))?.id === id;
    const start = {
      challenge,
      loginHint: isOwn ? typed : loginHint,
      locales,
      requestUrl,
    };
    const outcome = await this.logins.begin(connection, start, reply);
    await (outcome instanceof URL
      ? reply.redirect(outcome.href, 302)
      : this.#refuse(connection, challenge, outcome, reply));
  }

  /** The provider's answer. The browser then returns to Hydra's challenge, which is answered from the session that has begun. */
  @Get(':id/callback')
  async callback(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const connection = await this.#require(id);
    const answer = new URL(request.url, this.#publicUrl);
    const login = await this.logins.take(connection, answer, reply);
    const challenge = requireBound(this.binding, login.challenge, request);
    const refusal = await this.logins.finish(connection, login, answer, reply);
    if (refusal !== undefined) {
      await this.#refuse(connection, challenge, refusal, reply);
      return;
    }
    const next = new URLSearchParams({ login_challenge: challenge });
    await reply.redirect(`${this.#publicUrl}/auth/ory/login?${next}`, 302);
  }

  async #refuse(
    connection: ProviderConnection,
    challenge: string,
    refusal: ProviderRefusal,
    reply: FastifyReply,
  ): Promise<void> {
    const { uiLocales: locales } = await this.hydra.loginOrigin(challenge);
    void reply.code(statuses[refusal]);
    const page = h(ConnectionPage, { connection, challenge, refusal, address: undefined });
    await this.pages.send(reply, page, { locales });
  }

  async #require(id: string): Promise<ProviderConnection> {
    const connection = await this.connections.find(id);
    if (connection?.by !== 'redirect') {
      throw new Problem('not_found', { reason: 'connection_unknown' });
    }
    return connection;
  }
}

/**
 * Makes the browser go on to a connection's provider from the page that is being sent. It isn't a redirect, because the page may be the
 * answer to a form: browsers apply `form-action` of the page before to all redirects that follow, and the provider is elsewhere.
 */
export function sendToProvider(reply: FastifyReply, id: string, challenge: string): void {
  void reply.header('refresh', `0;url=${providerPath(id, challenge)}`);
}
