import { Body, Controller, Get, Put, Query } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { SessionQuestions } from '../kratos/session-questions.js';

const acceptanceSchema = z.looseObject({ subject: z.uuid() });

/**
 * The two endpoints of Hydra's admin API that Kratos calls for a login challenge, at its `oauth2_provider.url`. They know only the
 * {@link SessionQuestions} of this deployment. Their callers get nothing but what they sent, sealed.
 */
@ApiExcludeController()
@Controller('auth/ory/session-question/admin/oauth2/auth/requests/login')
export class SessionQuestionController {
  constructor(private readonly questions: SessionQuestions) {}

  /** A login that needs no user: Kratos accepts it for the session that the browser has. */
  @Get()
  @Public()
  tell(@Query('login_challenge') given: unknown): object {
    return { challenge: this.#open(given), client: {}, request_url: '', skip: true, subject: '' };
  }

  @Put('accept')
  @Public()
  accept(@Query('login_challenge') given: unknown, @Body() body: unknown): { readonly redirect_to: string } {
    const challenge = this.#open(given);
    const acceptance = acceptanceSchema.safeParse(body);
    if (!acceptance.success) {
      throw new Problem('malformed_request', { reason: 'session_answer' });
    }
    return { redirect_to: this.questions.answer(challenge, acceptance.data.subject) };
  }

  /** @throws {Problem} `not_found` */
  #open(given: unknown): string {
    if (typeof given !== 'string' || !this.questions.isOpen(given)) {
      throw new Problem('not_found', { reason: 'session_question' });
    }
    return given;
  }
}
