import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AuditEventType } from '../audit/audit.event.js';
import type { AuditService } from '../audit/audit.service.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { kratosIdentitySchema, kratosIssuer, toProviderIdentity } from '../kratos/kratos.session.js';
import type { ProviderIdentity } from '../users/identity.js';
import type { UserDirectory } from '../users/user.directory.js';
import { type SettingsChange, settingsChangeOf } from './settings.change.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

/** What the trail calls a change, and by which method it was made. */
const events: Readonly<Record<SettingsChange, readonly [AuditEventType, string]>> = {
  profile: ['user_updated', 'settings'],
  address: ['user_updated', 'settings'],
  password: ['password_changed', 'settings'],
  totp_added: ['second_factor_added', 'totp'],
  totp_removed: ['second_factor_removed', 'totp'],
  lookup_secret_added: ['second_factor_added', 'lookup_secret'],
  lookup_secret_removed: ['second_factor_removed', 'lookup_secret'],
  webauthn_added: ['second_factor_added', 'webauthn'],
  webauthn_removed: ['second_factor_removed', 'webauthn'],
  passkey_added: ['passkey_added', 'settings'],
  passkey_removed: ['passkey_removed', 'settings'],
  oidc_added: ['login_linked', 'settings'],
  oidc_removed: ['login_unlinked', 'settings'],
};

const messages = z.array(z.looseObject({ type: z.string() })).nullish();

/** What of a settings flow tells whether the last form was taken, and whose it is. */
const settledSchema = z.looseObject({
  state: z.string(),
  identity: kratosIdentitySchema,
  ui: z.looseObject({ messages, nodes: z.array(z.looseObject({ messages })) }),
});

/** What people change in their profile: the trail names it, and holds no value. */
const facts = ['email', 'name', 'picture'] as const;

/** Parts that the trail is made with. */
export interface AccountTrailParts {
  readonly kratos: KratosClient;
  readonly audit: AuditService;
  readonly users: UserDirectory;
  /** Of the gateway: its pages are there. */
  readonly origin: string;
}

/**
 * What people do to their accounts at Kratos, for the audit trail: failed logins, and changes of the settings. It happens in the
 * forms that are passed on, and Kratos tells nobody; the answer does, or the flow after it.
 */
export class AccountTrail {
  readonly #logger = new Logger(AccountTrail.name);
  readonly #parts: AccountTrailParts;
  readonly #forms = new WeakMap<FastifyRequest, SubmittedForm>();
  /** Of whom a form is about to change the profile, as they were before. */
  readonly #before = new WeakMap<FastifyRequest, ProviderIdentity>();

  constructor(parts: AccountTrailParts) {
    this.#parts = parts;
  }

  /** Reads a form that is about to be passed on. @param path after the prefix. @throws {Problem} as {@link readSubmittedForm}. */
  async watch(request: FastifyRequest, path: string): Promise<void> {
    if (request.method === 'POST' && /^\/self-service\/(?:login|settings)$/.test(path)) {
      const form = await readSubmittedForm(request);
      this.#forms.set(request, form);
      if (path.endsWith('/settings') && settingsChangeOf(form) === 'profile') {
        const whoami = await this.#parts.kratos.whoami(request.headers.cookie);
        if (whoami.state === 'live') {
          this.#before.set(request, toProviderIdentity(whoami.session.identity));
        }
      }
    }
  }

  /**
   * Records what has come of the form, and tells the page that is shown next. For an `onSend` hook; never rejects.
   * @returns what was changed in the settings, if anything.
   */
  async settle(request: FastifyRequest, reply: FastifyReply): Promise<SettingsChange | undefined> {
    const form = this.#forms.get(request);
    this.#forms.delete(request);
    if (form === undefined) {
      return undefined;
    }
    const isLogin = request.url.split('?', 1)[0]?.endsWith('/login') === true;
    try {
      if (!isLogin) {
        return await this.#noteChange(request, reply, form);
      }
      await this.#noteLogin(request, reply, form);
    } catch (error) {
      this.#logger.warn('a form could not be written to the audit trail', {
        reason: 'account_trail_incomplete',
        err: error,
      });
    }
    return undefined;
  }

  async #noteLogin(request: FastifyRequest, reply: FastifyReply, form: SubmittedForm): Promise<void> {
    const isNamed = form.account !== undefined || form.hasSecondFactor;
    if (!isNamed || !this.#isRefused(reply, form)) {
      return;
    }
    const user = form.account === undefined ? undefined : await this.#parts.users.findByEmail(form.account);
    await this.#parts.audit.record({
      type: 'login_failed',
      outcome: 'failure',
      reason: form.account === undefined ? 'wrong_second_factor' : 'wrong_password',
      userId: user?.id,
      // Somebody tried to be this user, and nobody knows who.
      actor: { id: null, credential: 'form' },
      ...originOf(request),
    });
  }

  /** Kratos sends a browser back to the same flow, and answers a script with 400; a flow that has expired tried nothing. */
  #isRefused(reply: FastifyReply, { flow }: SubmittedForm): boolean {
    const url = this.#pageOf(reply);
    const isBack = url?.pathname === '/ui/login' && url.searchParams.get('flow') === flow;
    return reply.statusCode === 400 || isBack;
  }

  async #noteChange(
    request: FastifyRequest,
    reply: FastifyReply,
    form: SubmittedForm,
  ): Promise<SettingsChange | undefined> {
    const change = settingsChangeOf(form);
    if (change === undefined || form.flow === undefined || reply.statusCode >= 400) {
      return undefined;
    }
    const found = await this.#parts.kratos.findFlow('settings', form.flow, request.headers.cookie);
    const { data: flow } = settledSchema.safeParse(found);
    if (flow?.state !== 'success' || hasErrors(flow.ui)) {
      return undefined;
    }
    const [type, by] = events[change];
    const before = this.#before.get(request);
    const after = toProviderIdentity(flow.identity);
    const changed = before === undefined ? [] : facts.filter((fact) => before[fact] !== after[fact]);
    const user = await this.#parts.users.findByIdentity(kratosIssuer, flow.identity.id);
    await this.#parts.audit.record({
      type,
      reason: [by, ...changed].join('_'),
      userId: user?.id,
      ...(user === undefined ? {} : { actor: { id: user.id, credential: 'form' } }),
      ...originOf(request),
    });
    this.#tellPage(reply, changed.includes('email') ? 'address' : change);
    return change;
  }

  /** Kratos' redirect leads to the settings page: it says what was changed there. */
  #tellPage(reply: FastifyReply, change: SettingsChange): void {
    const url = this.#pageOf(reply);
    if (url?.pathname === '/ui/settings') {
      url.searchParams.set('changed', change);
      void reply.header('location', url.href);
    }
  }

  /** The page of ours that an answer redirects to. */
  #pageOf(reply: FastifyReply): URL | undefined {
    const location = reply.getHeader('location');
    const url = typeof location === 'string' && URL.canParse(location) ? new URL(location) : undefined;
    return url?.origin === this.#parts.origin ? url : undefined;
  }
}

function hasErrors({ messages: own, nodes }: z.output<typeof settledSchema>['ui']): boolean {
  const all = [own, ...nodes.map((node) => node.messages)].flatMap((some) => some ?? []);
  return all.some(({ type }) => type === 'error');
}

function originOf(request: FastifyRequest): { readonly requestId: string; readonly remoteAddress: string } {
  return { requestId: request.id, remoteAddress: request.ip };
}
