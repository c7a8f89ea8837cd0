import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { myIdentitiesSchema, myOrgsSchema } from '../accounts/me/me.schemas.js';
import { keyListSchema } from '../api-keys/api-key.schemas.js';
import { maximumLiveKeys } from '../api-keys/api-keys.service.js';
import { sessionsAnswerSchema } from '../accounts/sessions/sessions.schemas.js';
import { Problem } from '../platform/errors/problem.error.js';
import { waitingInvitesSchema } from '../orgs/invite.schemas.js';
import { orgListSchema } from '../orgs/org.schemas.js';
import { ProfileService } from '../accounts/profile.service.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import { ApiClient } from './api.client.js';
import { ApplicationParts } from './application-parts.js';
import { PageSender } from './page-sender.js';
import { AccountPage, type AccountPageProps } from './views/account.view.js';

/** Number of organisations per page. */
const orgsAtOnce = 20;
/** Maximum number of invitations shown. Anyone who has more sees the rest after answering some. */
const invitesAtOnce = 20;

/** What the account page shows in addition to the account itself. */
export interface AccountPageState extends Pick<AccountPageProps, 'notice' | 'about' | 'keyForm'> {
  /** Cursor of the page of organisations to show; undefined for the first one. */
  readonly orgsCursor?: string | undefined;
}

/** Builds the account page from the API's responses. */
@Injectable()
export class AccountPages {
  readonly #logger = new Logger(AccountPages.name);

  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly sessions: SessionService,
    private readonly profiles: ProfileService,
    private readonly applications: ApplicationParts,
  ) {}

  /** Sends the account page of the person who makes the request. */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    { user, claims }: Principal,
    { orgsCursor, ...state }: AccountPageState,
  ): Promise<void> {
    const after = orgsCursor === undefined ? {} : { cursor: orgsCursor };
    const orgsQuery = new URLSearchParams({ limit: String(orgsAtOnce), ...after });
    const [sessions, apps, keys, orgs, joinable, invites, identities] = await Promise.all([
      this.#read(request, '/auth/sessions', sessionsAnswerSchema),
      claims.idp === 'ory'
        ? this.applications.connectedApps(async (path, schema) => this.#read(request, path, schema))
        : undefined,
      // Twice the limit of live keys, because the API also lists expired ones.
      this.#read(request, `/api/v1/api-keys?limit=${2 * maximumLiveKeys}`, keyListSchema),
      this.#read(request, `/api/v1/me/orgs?${orgsQuery}`, myOrgsSchema),
      this.#read(request, '/api/v1/orgs?joinable=true', orgListSchema),
      this.#read(request, `/api/v1/me/invites?limit=${invitesAtOnce}`, waitingInvitesSchema),
      this.#read(request, '/api/v1/me/identities', myIdentitiesSchema),
    ]);
    const methods = await this.#methods(identities?.items);
    const page = h(AccountPage, {
      user,
      session: { id: claims.sid, ...this.sessions.limitsOf(claims) },
      provider: claims.idp,
      sessions: sessions?.items,
      apps,
      keys: keys?.items,
      orgs,
      joinable: joinable?.items ?? [],
      invites: invites?.items ?? [],
      identities: identities?.items,
      methods,
      isElsewhere: claims.idp !== 'ory' || this.profiles.isElsewhere(identities?.items ?? []),
      ...state,
    });
    await this.pages.send(request, reply, page, { showsPicture: user.picture !== null });
  }

  /** The person's login methods; undefined if the gateway doesn't administer the provider, or if they can't be read now. */
  async #methods(
    identities: readonly { readonly issuer: string; readonly subject: string }[] | undefined,
  ): Promise<AccountPageProps['methods']> {
    try {
      return await this.profiles.loginMethodsOf(identities ?? []);
    } catch (error) {
      this.#noteMissing('login-methods', error);
      return undefined;
    }
  }

  /** Reads from the API. Returns undefined if that fails, so that a logged-in person sees the page even without the database. */
  async #read<Schema extends z.ZodType>(
    request: FastifyRequest,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    try {
      return await this.api.read(request, path, schema);
    } catch (error) {
      // A refusal isn't an error: for example, a service account may not read invitations.
      if (!(error instanceof Problem) || error.definition.status >= 500) {
        const [route = path] = path.split('?');
        this.#noteMissing(route, error);
      }
      return undefined;
    }
  }

  #noteMissing(route: string, error: unknown): void {
    this.#logger.error('a part of the account page is missing', {
      reason: 'account_incomplete',
      route,
      err: error,
    });
  }
}
