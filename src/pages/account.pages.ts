import { Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import type { z } from 'zod';
import { myIdentitiesSchema, myOrgsSchema } from '../account/me.schemas.js';
import { keyListSchema } from '../api-keys/api-key.schemas.js';
import { maximumLiveKeys } from '../api-keys/api-keys.service.js';
import { sessionsAnswerSchema } from '../auth/sessions.schemas.js';
import { Problem } from '../core/problem.error.js';
import { waitingInvitesSchema } from '../orgs/invite.schemas.js';
import { orgListSchema } from '../orgs/org.schemas.js';
import { AuthStrategy, type LoginMethods } from '../auth/auth.strategy.js';
import type { Principal } from '../session/principal.js';
import { SessionService } from '../session/session.service.js';
import { ApiClient } from './api.client.js';
import { PageSender } from './page.sender.js';
import { AccountPage, type AccountPageProps } from './views/account.view.js';

/** Organisations on one page. */
const orgsAtOnce = 20;
/** Invitations on the page: whoever has more answers some first. */
const invitesAtOnce = 20;

/** What one account page shows beside the account itself. */
export interface AccountPageState extends Pick<AccountPageProps, 'notice' | 'keyForm'> {
  /** Where the list of organisations goes on. */
  readonly orgsCursor?: string | undefined;
}

/** The account page, put together from the API. */
@Injectable()
export class AccountPages {
  readonly #logger = new Logger(AccountPages.name);
  readonly #api: ApiClient;
  readonly #pages: PageSender;
  readonly #sessions: SessionService;
  readonly #strategy: AuthStrategy;

  constructor(api: ApiClient, pages: PageSender, sessions: SessionService, strategy: AuthStrategy) {
    this.#api = api;
    this.#pages = pages;
    this.#sessions = sessions;
    this.#strategy = strategy;
  }

  /** Answers with the account page of whoever asks. */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    { user, claims }: Principal,
    { orgsCursor, ...state }: AccountPageState,
  ): Promise<void> {
    const after = orgsCursor === undefined ? {} : { cursor: orgsCursor };
    const orgsQuery = new URLSearchParams({ limit: String(orgsAtOnce), ...after });
    const [sessions, keys, orgs, joinable, invites, identities] = await Promise.all([
      this.#read(request, '/auth/sessions', sessionsAnswerSchema),
      // Those beyond the limit have expired; the API lists them.
      this.#read(request, `/api/v1/api-keys?limit=${2 * maximumLiveKeys}`, keyListSchema),
      this.#read(request, `/api/v1/me/orgs?${orgsQuery}`, myOrgsSchema),
      this.#read(request, '/api/v1/orgs?joinable=true', orgListSchema),
      this.#read(request, `/api/v1/me/invites?limit=${invitesAtOnce}`, waitingInvitesSchema),
      this.#read(request, '/api/v1/me/identities', myIdentitiesSchema),
    ]);
    const methods = await this.#methods(identities?.items);
    const page = h(AccountPage, {
      user,
      session: { id: claims.sid, ...this.#sessions.limitsOf(claims) },
      provider: claims.idp,
      sessions: sessions?.items,
      keys: keys?.items,
      orgs,
      joinable: joinable?.items ?? [],
      invites: invites?.items ?? [],
      identities: identities?.items,
      methods,
      ...state,
    });
    await this.#pages.send(request, reply, page);
  }

  /** How the person can log in, where the provider is ours to ask. */
  async #methods(
    identities: readonly { readonly issuer: string; readonly subject: string }[] | undefined,
  ): Promise<LoginMethods | undefined> {
    const administration = this.#strategy.identities;
    const own = identities?.find(({ issuer }) => issuer === administration?.issuer);
    try {
      return own === undefined ? undefined : await administration?.methodsOf(own.subject);
    } catch (error) {
      this.#noteMissing('login-methods', error);
      return undefined;
    }
  }

  /** Nothing when it can't be read now: who is logged in sees the page without the database. */
  async #read<Schema extends z.ZodType>(
    request: FastifyRequest,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | undefined> {
    try {
      return await this.#api.read(request, path, schema);
    } catch (error) {
      // What the caller may not read, such as a service account its invitations, is no fault.
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
