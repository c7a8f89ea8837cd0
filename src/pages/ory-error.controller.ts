import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { KratosClient } from '../providers/ory/kratos/kratos.client.js';
import type { TextKey } from '../platform/i18n/locales/en.js';
import { Public } from '../session/guards/access.decorators.js';
import { PageSender } from './page-sender.js';
import { ErrorPage } from './views/error.view.js';

const kratosErrorSchema = z.looseObject({
  error: z.looseObject({ id: z.string().optional(), code: z.number().optional() }).optional(),
});

/** The errors that Hydra sends people here with: OAuth's, OpenID Connect's, and its own. Anyone can write another word into the address. */
const hydraErrors: ReadonlySet<unknown> = new Set([
  'access_denied',
  'account_selection_required',
  'consent_required',
  'error',
  'insufficient_entropy',
  'interaction_required',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_request_object',
  'invalid_request_uri',
  'invalid_scope',
  'invalid_state',
  'invalid_target',
  'invalid_token',
  'jti_known',
  'login_required',
  'misconfiguration',
  'missing_required_parameter',
  'not_found',
  'registration_not_supported',
  'request_forbidden',
  'request_not_supported',
  'request_unauthorized',
  'request_uri_not_supported',
  'scope_not_granted',
  'server_error',
  'temporarily_unavailable',
  'token_claim',
  'token_inactive',
  'token_signature_mismatch',
  'unauthorized_client',
  'unmet_authentication_requirements',
  'unsupported_grant_type',
  'unsupported_response_mode',
  'unsupported_response_type',
]);
/** The code for an identity that Kratos doesn't allow to log in. */
const refusedCode = 'kratos_401';
/** Characters of Hydra's description that are logged. */
const longestDescription = 300;

/** `GET /ui/error`: the page that Kratos (with `id`) and Hydra (with `error`) send people to if a flow can't continue. */
@ApiExcludeController()
@Controller('ui/error')
@Public()
export class OryErrorController {
  constructor(
    private readonly kratos: KratosClient,
    private readonly pages: PageSender,
  ) {}

  @Get()
  async page(
    @Query('id') id: unknown,
    @Query('error') oauthError: unknown,
    @Query('error_description') description: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const code = typeof id === 'string' ? await this.#kratosCode(id) : hydraCode(oauthError);
    // For anyone who registers an application: Hydra says here what it refuses. It is as long as anyone writes it.
    const said = typeof description === 'string' ? description.slice(0, longestDescription) : undefined;
    reply.request.log.warn({ reason: code, said }, 'Ory sent a person to the error page');
    const { text } = this.pages.frame(reply.request).language;
    const advice = adviceFor(code, said);
    const page = h(ErrorPage, {
      title: text('error.ory.title'),
      advice: text(advice),
      code,
      requestId: reply.request.id,
      actions: [
        ...(advice === 'error.ory.logout' ? [] : [{ label: text('error.startAgain'), href: '/auth/login' }]),
        { label: text('common.backToStart'), href: '/' },
      ],
    });
    await this.pages.send(reply.code(advice === 'error.ory.unavailable' ? 503 : 400), page);
  }

  async #kratosCode(id: string): Promise<string> {
    const parsed = kratosErrorSchema.safeParse(await this.kratos.findError(id));
    const error = parsed.data?.error;
    return codeOf(error?.id ?? (error?.code === undefined ? undefined : `kratos_${error.code}`));
  }
}

/**
 * The advice for an error. If the login provider can't be reached, neither the person nor their cookies are the cause.
 * @param said what Hydra says of it.
 */
function adviceFor(code: string, said = ''): TextKey {
  if (code === 'invalid_client' || (code === 'invalid_request' && said.includes("'redirect_uri'"))) {
    return 'error.ory.application';
  }
  // Of the address to return to, or of the ID token.
  if (code === 'invalid_request' && /\bLogout failed because\b|\bgo-jose\b/.test(said)) {
    return 'error.ory.logout';
  }
  if (code === refusedCode) {
    return 'error.ory.refused';
  }
  return /^(?:kratos_5\d\d|server_error|temporarily_unavailable)$/.test(code)
    ? 'error.ory.unavailable'
    : 'error.ory.interrupted';
}

/** The code to show of an error of Hydra's. Descriptions aren't shown: they come from the URL, which anyone can write. */
function hydraCode(error: unknown): string {
  return codeOf(hydraErrors.has(error) ? error : undefined);
}

/** The code to show. */
function codeOf(value: unknown): string {
  return typeof value === 'string' && /^[a-z0-9_]{1,64}$/.test(value) ? value : 'unknown_error';
}
