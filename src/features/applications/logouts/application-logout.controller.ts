import { Body, Controller, HttpCode, Logger, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { receiveLogout } from '../../../login/backchannel-logout.controller.js';
import { RateLimits, addressCheck } from '../../../directory/rate-limit/rate-limits.js';
import { UnreadableAs, asOAuthError } from '../../../platform/http/unreadable-body.js';
import { applicationLogoutRoute } from '../../../providers/ory/hydra/application-logout-address.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { ApplicationLogouts } from './application-logouts.js';

/** The endpoint where Hydra reports that a user was logged out of an application, instead of to the application itself. */
@ApiExcludeController()
@Controller(applicationLogoutRoute)
export class ApplicationLogoutController {
  readonly #logger = new Logger(ApplicationLogoutController.name);

  constructor(
    private readonly logouts: ApplicationLogouts,
    private readonly limits: RateLimits,
  ) {}

  @Post()
  @UnreadableAs(asOAuthError)
  @HttpCode(200)
  @Public()
  async logout(
    @Body() form: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    return receiveLogout({ form, request, reply, logger: this.#logger }, async (token) => {
      try {
        await this.logouts.take(token);
      } catch (error) {
        // Only now: many come from Hydra's one address at the same time, and a stranger there must not keep them out.
        await this.limits.take(reply, [addressCheck(request, 'logout-address', 'keep')]);
        throw error;
      }
    });
  }
}
