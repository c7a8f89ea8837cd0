import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Logger,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import type { NamedProblem } from '../../platform/errors/problem.catalogue.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { requireIdentifier } from '../../platform/core/account-identifier.js';
import { requireBound } from '../../providers/ory/challenges/ory-challenge.js';
import { ConnectionLogins, type TypedLogin } from './connection-logins.js';
import type { Connection, DirectoryConnection } from './connection.js';
import { Connections } from './connections.js';
import { TypedAddress } from './typed-address.js';
import { ChallengeBinding } from '../../providers/ory/hydra/challenge-binding.js';
import { applicationOf } from '../../providers/ory/hydra/hydra-applications.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { AnySession } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { formField } from '../../pages/form-answer.js';
import { PageSender } from '../../pages/page-sender.js';
import { sendToProvider } from './connection-provider.controller.js';
import { ConnectionPage, IdentifyPage, type ShownRefusal, connectionPath } from './connection.view.js';

const identifySchema = z.object({ login_challenge: formField, identifier: formField });
/** Failures of a directory that the page states. */
const failures: Partial<Record<NamedProblem['code'], 'misconfigured' | 'unavailable'>> = {
  provider_misconfigured: 'misconfigured',
  provider_unavailable: 'unavailable',
};
const statuses: Partial<Record<ShownRefusal, number>> = { misconfigured: 502, unavailable: 503 };
const loginSchema = z.object({ login_challenge: formField, login: formField, password: formField });

/** The pages of a login where connections may exist: the address first, then the password at the connection that it leads to. */
@ApiExcludeController()
@Controller('ui')
@AnySession()
export class ConnectionController {
  readonly #logger = new Logger(ConnectionController.name);
  readonly #publicUrl: string;
  readonly #signUp: OryConfiguration['SIGNUP'];

  constructor(
    private readonly connections: Connections,
    private readonly logins: ConnectionLogins,
    private readonly typed: TypedAddress,
    private readonly binding: ChallengeBinding,
    private readonly hydra: HydraClient,
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) { PUBLIC_URL, SIGNUP }: OryConfiguration,
  ) {
    this.#publicUrl = PUBLIC_URL;
    this.#signUp = SIGNUP;
  }

  @Get('identify')
  @RateLimited('start-address', 'all')
  async identify(
    @Query('login_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#requireConnections();
    const challenge = requireBound(this.binding, given, request);
    const { loginHint, uiLocales: locales, client } = await this.hydra.loginOrigin(challenge);
    const page = h(IdentifyPage, {
      challenge,
      application: applicationOf(client)?.name,
      address: this.typed.read(request) ?? loginHint,
      offered: this.connections.offered,
      passwordUrl: this.#selfServiceUrl('login', challenge),
      signUpUrl: this.#signUp === 'open' ? this.#selfServiceUrl('registration', challenge) : undefined,
    });
    await this.pages.send(reply, page, { locales });
  }

  /** Sends the user to the connection of their address, or to Kratos' login. The address goes along in a cookie. */
  @Post('identify')
  @RateLimited('start-address', 'all')
  async sendOn(
    @Body({ schema: identifySchema }) form: z.output<typeof identifySchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#requireConnections();
    const challenge = requireBound(this.binding, form.login_challenge, request);
    requireIdentifier(form.identifier);
    const address = form.identifier.trim();
    const connection = await this.connections.ofAddress(address);
    this.typed.keep(reply, address);
    const next =
      connection === undefined
        ? this.#selfServiceUrl('login', challenge)
        : connectionPath(connection.id, challenge);
    await reply.redirect(next, 303);
  }

  @Get('connections/:id')
  @RateLimited('start-address', 'all')
  async page(
    @Param('id') id: string,
    @Query('login_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const connection = await this.#require(id);
    const challenge = requireBound(this.binding, given, request);
    const address = this.typed.read(request);
    // A link could name an organisation's connection, whose owner might log others in as a user of theirs: they press the button.
    const isWanted =
      connection.owner === undefined ||
      (address !== undefined && (await this.connections.ofAddress(address))?.id === connection.id);
    if (connection.by === 'redirect' && isWanted) {
      sendToProvider(reply, connection.id, challenge);
    }
    await this.#send(reply, { connection, challenge, address });
  }

  /** Checks the password. The browser then returns to Hydra's challenge, which is answered from the session that has begun. */
  @Post('connections/:id')
  @HttpCode(200)
  async logIn(
    @Param('id') id: string,
    @Body({ schema: loginSchema }) { login, password, ...form }: z.output<typeof loginSchema>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const connection = await this.#require(id);
    if (connection.by !== 'password') {
      throw new Problem('not_found', { reason: 'connection_without_form' });
    }
    const challenge = requireBound(this.binding, form.login_challenge, request);
    const refusal = await this.#refusalOf(connection, { login, password }, reply);
    if (refusal === undefined) {
      await reply.redirect(
        `${this.#publicUrl}/auth/ory/login?${new URLSearchParams({ login_challenge: challenge })}`,
        303,
      );
      return;
    }
    void reply.code(statuses[refusal] ?? 422);
    await this.#send(reply, { connection, challenge, address: login, refusal });
  }

  async #refusalOf(
    connection: DirectoryConnection,
    typed: TypedLogin,
    reply: FastifyReply,
  ): Promise<ShownRefusal | undefined> {
    try {
      return await this.logins.logIn(connection, typed, reply);
    } catch (error) {
      const refusal = error instanceof Problem ? failures[error.code] : undefined;
      if (!(error instanceof Problem) || refusal === undefined) {
        throw error;
      }
      const { reason } = error;
      this.#logger.warn('a login at a connection failed', { reason, connection: connection.id, err: error });
      return refusal;
    }
  }

  async #send(reply: FastifyReply, props: Parameters<typeof ConnectionPage>[0]): Promise<void> {
    const { uiLocales: locales } = await this.hydra.loginOrigin(props.challenge);
    await this.pages.send(reply, h(ConnectionPage, props), { locales });
  }

  async #require(id: string): Promise<Connection> {
    const connection = await this.connections.find(id);
    if (connection === undefined) {
      throw new Problem('not_found', { reason: 'connection_unknown' });
    }
    return connection;
  }

  async #requireConnections(): Promise<void> {
    if (!(await this.connections.mayExist())) {
      throw new Problem('not_found', { reason: 'connections_none' });
    }
  }

  /** The URL of Kratos' self-service flow; the flow returns to this challenge. */
  #selfServiceUrl(kind: 'login' | 'registration', challenge: string): string {
    const returnTo = `${this.#publicUrl}/auth/ory/login?${new URLSearchParams({ login_challenge: challenge })}`;
    return `${this.#publicUrl}/ory/kratos/self-service/${kind}/browser?${new URLSearchParams({ return_to: returnTo })}`;
  }
}
