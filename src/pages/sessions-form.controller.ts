import { Controller, Param, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccountSessions } from '../auth/account-sessions.service.js';
import { originOf } from '../auth/request.origin.js';
import { Problem } from '../core/problem.error.js';
import { CurrentUser } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { SessionCookie } from '../session/session.cookie.js';
import type { AccountNotice } from './views/sessions.view.js';

/** The forms of the account page's list of sessions. */
@ApiExcludeController()
@Controller('account/sessions')
export class SessionsFormController {
  readonly #sessions: AccountSessions;
  readonly #cookie: SessionCookie;

  constructor(sessions: AccountSessions, cookie: SessionCookie) {
    this.#sessions = sessions;
    this.#cookie = cookie;
  }

  @Post('end-others')
  async endOthers(
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#sessions.endOthers(principal, originOf(request));
    await backToAccount(reply, 'others_ended');
  }

  @Post(':id/end')
  async end(
    @Param('id') id: string,
    @CurrentUser() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    try {
      const { current } = await this.#sessions.end(principal, id, originOf(request));
      if (current) {
        this.#cookie.clear(reply);
      }
    } catch (error) {
      // The page was open for a while, or the button was pressed twice: what was wanted is so.
      if (error instanceof Problem && error.code === 'not_found') {
        await backToAccount(reply, 'session_gone');
        return;
      }
      throw error;
    }
    await backToAccount(reply, 'session_ended');
  }
}

async function backToAccount(reply: FastifyReply, notice: AccountNotice): Promise<void> {
  await reply.redirect(`/?${new URLSearchParams({ notice })}`, 303);
}
