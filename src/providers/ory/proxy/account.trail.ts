import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AuditService } from '../../../directory/audit/audit.service.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { kratosIdentitySchema, kratosIssuer, toProviderIdentity } from '../kratos/kratos.session.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import type { UserDirectory } from '../../../directory/users/user.directory.js';
import { redirectOf } from './kratos.answer.js';
import { type SettingsChange, settingsChangeOf, settingsEvents } from './settings.change.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

const messages = z.array(z.looseObject({ type: z.string() })).nullish();

/** The parts of a settings flow that show whether the last form was accepted, and its identity. */
const settledSchema = z.looseObject({
  state: z.string(),
  identity: kratosIdentitySchema,
  ui: z.looseObject({ messages, nodes: z.array(z.looseObject({ messages })) }),
});

/** The fields of a profile that people can change. The audit trail names them, and holds no values. */
const facts = ['email', 'name', 'picture'] as const;

/** Dependencies of {@link AccountTrail}. */
export interface AccountTrailParts {
  readonly kratos: KratosClient;
  readonly audit: AuditService;
  readonly users: UserDirectory;
  /** Origin of the gateway, which serves its pages. */
  readonly origin: string;
}

/**
 * Records in the audit trail what people do to their accounts at Kratos: failed logins, and changes of the settings. Kratos
 * reports neither, so they are read from the forms that are passed on, and from the answers or the flows after them.
 */
export class AccountTrail {
  readonly #logger = new Logger(AccountTrail.name);
  readonly #parts: AccountTrailParts;
  readonly #forms = new WeakMap<FastifyRequest, SubmittedForm>();
  /** Identities whose profile a form is about to change, as they were before. */
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
        const session = await this.#parts.kratos.liveSession(request.headers.cookie);
        if (session !== undefined) {
          this.#before.set(request, toProviderIdentity(session.identity));
        }
      }
    }
  }

  /**
   * Records the outcome of the form, and reports it to the page that is shown next. For an `onSend` hook; never rejects.
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
      // An unknown person tried to log in as this user.
      actor: { id: null, credential: 'form' },
      ...originOf(request),
    });
  }

  /** Whether Kratos refused the form: by its flow again, or 400 for a script. Of an expired flow, it tried nothing. */
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
    const [type, by] = settingsEvents[change];
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
    this.#noticePage(reply, changed.includes('email') ? 'address' : change);
    return change;
  }

  /** Adds the change to Kratos' redirect to the settings page, which then reports it. */
  #noticePage(reply: FastifyReply, change: SettingsChange): void {
    const url = this.#pageOf(reply);
    if (url?.pathname === '/ui/settings') {
      url.searchParams.set('changed', change);
      void reply.header('location', url.href);
    }
  }

  /** Our own page to which an answer redirects. */
  #pageOf(reply: FastifyReply): URL | undefined {
    const url = redirectOf(reply);
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
