import { Body, Controller, HttpCode, Logger, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { receiveLogout } from '../../../login/backchannel-logout.controller.js';
import { UnreadableAs, asOAuthError } from '../../../platform/http/unreadable-body.js';
import { applicationLogoutRoute } from '../../../providers/ory/hydra/application-logout-address.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { ApplicationLogouts } from './application-logouts.js';

/**
 * The endpoint where Hydra reports that a user was logged out of an application, instead of to the application itself. Requests aren't limited: all
 * come from Hydra's address, many at a time, and what isn't Hydra's costs the check of a signature.
 */
@ApiExcludeController()
@Controller(applicationLogoutRoute)
export class ApplicationLogoutController {
  readonly #logger = new Logger(ApplicationLogoutController.name);

  constructor(private readonly logouts: ApplicationLogouts) {}

  @Post()
  @UnreadableAs(asOAuthError)
  @HttpCode(200)
  @Public()
  async logout(
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return receiveLogout({ form, request, reply, logger: this.#logger }, async (token) =>
      this.logouts.take(token),
    );
  }
}
