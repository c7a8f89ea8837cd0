import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { ApiProblems } from '../../platform/http/openapi.decorators.js';
import { redirectPage } from '../../platform/http/redirect.page.js';
import { CurrentUser, OptionalSession } from '../../session/guards/access.decorators.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import type { Principal } from '../../session/principal.js';
import { HostAuthorization } from './host-authorization.js';
import { hostAuthorizationSchema } from './host-login.schemas.js';
import { requireTopLevel } from './top-level.js';

/** The route at `PUBLIC_URL` at which a protected host gets a code for a browser that is logged in. */
@ApiTags('auth')
@Controller('auth/hosts')
export class HostAuthorizationController {
  constructor(private readonly authorization: HostAuthorization) {}

  @Get('authorize')
  @OptionalSession()
  @RateLimited('start-address', 'all')
  @ApiOperation({
    summary: 'Log in on a protected host',
    description:
      '`/.vestibule/login` on a host in `PROTECTED_HOSTS` sends the browser here. If the browser has no session, it must log in first. It is then sent back to the host with a one-time code.',
  })
  @ApiResponse({
    status: 200,
    description: 'A page that sends the browser on to the host, with the code.',
    content: { 'text/html': { schema: { type: 'string' } } },
  })
  @ApiProblems(
    'validation_failed',
    'unauthenticated',
    'reauthentication_required',
    'forbidden',
    'email_unverified',
    'wrong_host',
    'rate_limited',
  )
  async authorize(
    @Query({ schema: hostAuthorizationSchema }) asked: z.output<typeof hostAuthorizationSchema>,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireTopLevel(request);
    const target = await this.authorization.issue(asked, principal);
    // Not a redirect: it may follow the form of a login, whose form-action policy would block one to another host.
    await reply.type('text/html; charset=utf-8').send(redirectPage(target));
  }
}
