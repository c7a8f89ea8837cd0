import { Body, Controller, Get, Inject, Logger, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { Public } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { ConnectionLogouts } from '../connections/connection-logouts.js';
import { Connections } from '../connections/connections.js';
import { ProviderLogins } from '../connections/provider-logins.js';
import { SamlCompany } from './saml-company.js';
import { decodeMessage } from './saml-document.js';
import type { LogoutMessage } from './saml-logouts.js';

const answerSchema = z.object({ SAMLResponse: z.string(), RelayState: z.string().max(512).optional() });
const logoutSchema = z.object({ SAMLRequest: z.string(), RelayState: z.string().max(1024).optional() });

/** The routes that a company's SAML provider uses: our metadata, its answers to logins, and its logouts. */
@ApiExcludeController()
@Controller('auth/connections')
@Public()
export class SamlController {
  readonly #logger = new Logger(SamlController.name);
  readonly #publicUrl: string;

  constructor(
    private readonly connections: Connections,
    private readonly logins: ProviderLogins,
    private readonly logouts: ConnectionLogouts,
    @Inject(CONFIGURATION) { PUBLIC_URL }: OryConfiguration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  @Get(':id/metadata')
  @RateLimited('start-address', 'all')
  async metadata(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const metadata = await (await this.#require(id)).metadata();
    void reply.header('content-type', 'application/samlmetadata+xml; charset=utf-8');
    return metadata;
  }

  /**
   * Assertion consumer service: where the provider's page posts its answer. A browser sends no cookie from another site's page, so the
   * answer is kept, and the browser sent to where it brings the cookie of the login that it began. `RelayState` is the name of that
   * login, and never an address.
   */
  @Post(':id/acs')
  @RateLimited('start-address', 'all')
  async answer(@Param('id') id: string, @Body() form: unknown, @Res() reply: FastifyReply): Promise<void> {
    const provider = await this.#require(id);
    const { SAMLResponse: answer, RelayState: state = '' } = formOf(answerSchema, form);
    decodeMessage(answer);
    const isAwaited = await this.logins.isAwaited(state);
    if (isAwaited && (await this.logins.keepAnswer(state, await provider.examine(answer, state)))) {
      const next = new URLSearchParams({ state });
      await reply.redirect(`${this.#publicUrl}/auth/connections/${id}/callback?${next}`, 303);
      return;
    }
    if (!provider.allowsUnsolicited) {
      throw new Problem('login_state_invalid', { reason: 'saml_unsolicited' });
    }
    // What it states is left aside. A login that begins here ends in the browser that began it.
    await reply.redirect(`${this.#publicUrl}/auth/login?${new URLSearchParams({ connection: id })}`, 303);
  }

  @Get(':id/slo')
  @RateLimited('logout-address')
  async logoutByRedirect(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const start = request.url.indexOf('?');
    const query = start === -1 ? '' : request.url.slice(start + 1);
    const relayState = new URLSearchParams(query).get('RelayState') ?? undefined;
    await this.#logOut(id, { binding: 'redirect', query }, relayState, request, reply);
  }

  @Post(':id/slo')
  @RateLimited('logout-address')
  async logoutByPost(
    @Param('id') id: string,
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { SAMLRequest, RelayState } = formOf(logoutSchema, form);
    await this.#logOut(id, { binding: 'post', request: SAMLRequest }, RelayState, request, reply);
  }

  async #logOut(
    id: string,
    message: LogoutMessage,
    relayState: string | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const provider = await this.#require(id);
    try {
      const notice = await provider.verifyLogout(message);
      await this.logouts.end(id, notice, clientInfoOf(request));
      const next = await provider.logoutAnswer(notice.jti, relayState);
      await reply.redirect(next ?? this.#publicUrl, 303);
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        this.#logger.warn('a logout request was refused', { reason: error.reason, connection: id });
        throw new Problem('malformed_request', { reason: error.reason ?? error.code });
      }
      throw error;
    }
  }

  async #require(id: string): Promise<SamlCompany> {
    const connection = await this.connections.find(id);
    const provider = connection?.by === 'redirect' ? connection.provider : undefined;
    if (!(provider instanceof SamlCompany)) {
      throw new Problem('not_found', { reason: 'connection_unknown' });
    }
    return provider;
  }
}

function formOf<T>(schema: z.ZodType<T>, form: unknown): T {
  const parsed = schema.safeParse(form);
  if (!parsed.success) {
    throw new Problem('malformed_request', { reason: 'saml_form' });
  }
  return parsed.data;
}
