import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { myIdentitiesSchema } from '../accounts/me/me.schemas.js';
import { keyListSchema } from '../api-keys/api-key.schemas.js';
import { maximumLiveKeys } from '../api-keys/api-keys.service.js';
import { sessionsAnswerSchema } from '../accounts/sessions/sessions.schemas.js';
import { Problem } from '../platform/errors/problem.error.js';
import { ProfileService } from '../accounts/profile.service.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import { ApiClient } from './api.client.js';
import { FeatureParts, type PartReader } from './feature-parts.js';
import { PageSender } from './page-sender.js';
import { sessionPagesOf, sessionsAt } from './session-pages.js';
import { AccountPage, type AccountPageProps } from './views/account.view.js';

/** What the account page shows in addition to the account itself. */
export interface AccountPageState extends Pick<AccountPageProps, 'notice' | 'about' | 'keyForm'> {
  /** Cursor of the page of organisations to show; undefined for the first one. */
  readonly orgsCursor?: string | undefined;
  /** The same of the page of sessions. */
  readonly sessionsCursor?: string | undefined;
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
    private readonly parts: FeatureParts,
  ) {}

  /** Sends the account page of the person who makes the request. */
  async send(
    reply: FastifyReply,
    { user, claims }: Principal,
    { orgsCursor, sessionsCursor, ...state }: AccountPageState,
  ): Promise<void> {
    const read: PartReader = async (path, schema) => this.#read(reply.request, path, schema);
    const [sessions, apps, keys, memberships, identities] = await Promise.all([
      this.#read(reply.request, sessionsAt('/auth/sessions', sessionsCursor), sessionsAnswerSchema),
      claims.idp === 'ory' ? this.parts.applications.connectedApps(read) : undefined,
      // Twice the limit of live keys, because the API also lists expired ones.
      this.#read(reply.request, `/api/v1/api-keys?limit=${2 * maximumLiveKeys}`, keyListSchema),
      this.parts.orgs.memberships(read, orgsCursor),
      this.#read(reply.request, '/api/v1/me/identities', myIdentitiesSchema),
    ]);
    const methods = await this.#methods(identities?.items);
    const page = h(AccountPage, {
      user,
      session: { id: claims.sid, ...this.sessions.limitsOf(claims) },
      provider: claims.idp,
      sessions: sessions?.items,
      sessionPages: sessions && sessionPagesOf('/', sessionsCursor, sessions.nextCursor),
      apps,
      keys: keys?.items,
      memberships,
      identities: identities?.items,
      methods,
      isElsewhere: claims.idp !== 'ory' || this.profiles.isElsewhere(identities?.items ?? []),
      ...state,
    });
    await this.pages.send(reply, page, { showsPicture: user.picture !== null });
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
