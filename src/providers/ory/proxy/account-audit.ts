import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AuditEvent, AuditService } from '../../../directory/audit/audit.service.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { hasJustLinked, kratosIssuer, toProviderIdentity } from '../kratos/kratos-session.js';
import type { CredentialSnapshot } from '../kratos/kratos-snapshot.js';
import type { NoticeRecipient, SecurityNotices } from '../../../directory/notices/security-notices.js';
import type { UserDirectory } from '../../../directory/users/user-directory.js';
import { cookieAfter, redirectOf, sessionSetBy } from './kratos-answer.js';
import {
  type SettingsChange,
  changedFacts,
  changesBetween,
  noticeOf,
  settingsChangeOf,
  settingsEvents,
  type AccountChanges,
} from './settings-change.js';
import type { SessionReader } from './exchange.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

/** Begin of the paths at which the answers of social login providers arrive: one in a session may link that login. */
const providerAnswers = '/self-service/methods/oidc/callback';

const messages = z.array(z.looseObject({ type: z.string() })).nullish();

/** The parts of a settings flow that show whether the last form was accepted. */
const settledSchema = z.looseObject({
  state: z.string(),
  ui: z.looseObject({ messages, nodes: z.array(z.looseObject({ messages })) }),
});

/** An account before a request that may change its settings. */
interface Before {
  readonly snapshot: CredentialSnapshot;
  /** The account here; undefined if its owner has never logged in here. */
  readonly user: (NoticeRecipient & { readonly id: string }) | undefined;
}

const nothing: AccountChanges = { changes: [], addresses: [] };

/**
 * Records in the audit trail what people do to their accounts at Kratos: failed logins, and changes of the settings, of which
 * people are also told by mail. Kratos reports neither, so they are read from the forms that are passed on, and from the answers
 * or the flows after them. A change that needed another login first is made by a GET, and a login is linked by its provider's answer:
 * neither says what it changes, so the account before and after is compared. A third-party login whose address another account has
 * is linked to that account by its next login, which the session of that login tells.
 */
export class AccountAudit {
  readonly #logger = new Logger(AccountAudit.name);
  readonly #forms = new WeakMap<FastifyRequest, SubmittedForm>();
  readonly #before = new WeakMap<FastifyRequest, Before>();
  /** Whether Kratos may link a third-party login at a login. Where its own settings alone say so, the first answer of a provider does. */
  #hasThirdParties: boolean;
  readonly #origin: string;

  /** @param settings those of the origin that serves the pages, and of third-party logins. */
  constructor(
    private readonly kratos: KratosClient,
    private readonly audit: AuditService,
    private readonly users: UserDirectory,
    private readonly notices: SecurityNotices,
    settings: Pick<OryConfiguration, 'PUBLIC_URL' | 'SOCIAL_PROVIDERS'>,
  ) {
    this.#origin = settings.PUBLIC_URL;
    this.#hasThirdParties = settings.SOCIAL_PROVIDERS.length > 0;
  }

  /** Reads a form that is about to be passed on. @param path after the prefix. @throws {Problem} as {@link readSubmittedForm}. */
  async watch(request: FastifyRequest, path: string, sessionOf: SessionReader): Promise<void> {
    const isSettings = path === '/self-service/settings';
    if (isSettings || (request.method === 'POST' && path === '/self-service/login')) {
      this.#forms.set(request, await readSubmittedForm(request));
    }
    this.#hasThirdParties ||= path.startsWith(providerAnswers);
    if (isSettings || path.startsWith(providerAnswers)) {
      const id = (await sessionOf())?.identity.id;
      const snapshot = id === undefined ? undefined : await this.kratos.snapshotOf(id);
      if (id !== undefined && snapshot !== undefined) {
        const user = await this.users.ofIdentity({ issuer: kratosIssuer, subject: id });
        this.#before.set(request, { snapshot, user });
      }
    }
  }

  /**
   * Records the outcome of the form, and reports it to the page that is shown next. For an `onSend` hook; never rejects.
   * @returns what was changed in the settings.
   */
  async settle(request: FastifyRequest, reply: FastifyReply): Promise<AccountChanges> {
    const [form, before] = [this.#forms.get(request), this.#before.get(request)];
    this.#forms.delete(request);
    this.#before.delete(request);
    const path = request.url.split('?', 1)[0] ?? '';
    const isLogin = path.endsWith('/login');
    try {
      if (before !== undefined) {
        return await this.#noteChanges(request, reply, before, form);
      }
      const begins = (isLogin && form?.hasSecondFactor === false) || path.includes(providerAnswers);
      if (this.#hasThirdParties && begins && sessionSetBy(reply) !== undefined) {
        // Nobody's login waits for the question to Kratos.
        void this.#noteLink(request, cookieAfter(request, reply), form?.account);
      }
      if (isLogin && form !== undefined) {
        await this.#noteLogin(request, reply, form);
      }
    } catch (error) {
      this.#warn(error);
    }
    return nothing;
  }

  #warn(error: unknown): void {
    this.#logger.warn('a form could not be written to the audit trail', {
      reason: 'account_trail_incomplete',
      err: error,
    });
  }

  /**
   * Notes that a login has linked a third-party login; never rejects. @param cookie the browser's after the login.
   * @param account the account that the form names: a session that still requires a second factor doesn't tell its own.
   */
  async #noteLink(request: FastifyRequest, cookie: string, account: string | undefined): Promise<void> {
    const { kratos, users } = this;
    try {
      const whoami = await kratos.whoami(cookie);
      const session = whoami.state === 'live' ? whoami.session : undefined;
      const identity = session?.identity ?? (await kratos.findIdentityByEmail(account ?? ''));
      const methods =
        session?.authentication_methods ?? (identity && (await kratos.latestMethodsOf(identity.id)));
      if (identity === undefined || methods === undefined || !hasJustLinked(methods)) {
        return;
      }
      const user = await users.ofIdentity({ issuer: kratosIssuer, subject: identity.id });
      void this.notices.tell('login_linked', user ?? recipientOf({ identity }, request));
      await this.#record(request, user, { type: 'login_linked', reason: 'login' });
    } catch (error) {
      this.#warn(error);
    }
  }

  async #noteLogin(request: FastifyRequest, reply: FastifyReply, form: SubmittedForm): Promise<void> {
    const isNamed = form.account !== undefined || form.hasSecondFactor;
    if (!isNamed || !this.#isRefused(reply, form)) {
      return;
    }
    const user = form.account === undefined ? undefined : await this.users.findByEmail(form.account);
    await this.audit.record({
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

  async #noteChanges(
    request: FastifyRequest,
    reply: FastifyReply,
    before: Before,
    form: SubmittedForm | undefined,
  ): Promise<AccountChanges> {
    const after = await this.kratos.snapshotOf(before.snapshot.identity.id);
    if (after === undefined) {
      return nothing;
    }
    const changed = changedFacts(before.snapshot, after);
    // Kratos may read the form in another way, and answer or say of its flow what another request led to. So what differs decides, and
    // what was asked for counts only where nothing does.
    const found = changesBetween(before.snapshot, after);
    const changes = (found.length > 0 ? found : await this.#asked(request, reply, form)).map((change) =>
      change === 'profile' && changed.includes('email') ? 'address' : change,
    );
    for (const change of changes) {
      const facts = settingsEvents[change][0] === 'user_updated' ? changed : [];
      await this.#note(request, before, change, facts);
      this.#noticePage(reply, change);
    }
    const addresses = [after, before.snapshot].map(({ identity }) => toProviderIdentity(identity).email);
    return {
      changes,
      addresses: addresses.filter((address) => address !== null),
      identity: before.snapshot.identity.id,
    };
  }

  /** What a form asked for, if the flow of the settings says that its last form was accepted. */
  async #asked(
    request: FastifyRequest,
    reply: FastifyReply,
    form: SubmittedForm | undefined,
  ): Promise<readonly SettingsChange[]> {
    const asked = form !== undefined && request.method === 'POST' ? settingsChangeOf(form) : undefined;
    const id = form?.flow;
    if (asked === undefined || id === undefined || reply.statusCode >= 400) {
      return [];
    }
    const found = await this.kratos.findFlow('settings', id, request.headers.cookie);
    const { data: flow } = settledSchema.safeParse(found);
    return flow?.state === 'success' && !hasErrors(flow.ui) ? [asked] : [];
  }

  /** Writes a change to the audit trail, which holds no values, and tells the account's owner. */
  async #note(
    request: FastifyRequest,
    { snapshot, user }: Before,
    change: SettingsChange,
    facts: readonly string[],
  ): Promise<void> {
    const notice = noticeOf(change);
    if (notice !== undefined) {
      void this.notices.tell(notice, user ?? recipientOf(snapshot, request));
    }
    const [type, by] = settingsEvents[change];
    await this.#record(request, user, { type, reason: [by, ...facts].join('_') });
  }

  /** Writes what a user has done by a form. */
  async #record(
    request: FastifyRequest,
    user: Before['user'],
    event: Pick<AuditEvent, 'type' | 'reason'>,
  ): Promise<void> {
    await this.audit.record({
      ...event,
      userId: user?.id,
      ...(user === undefined ? {} : { actor: { id: user.id, credential: 'form' } }),
      ...originOf(request),
    });
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
    return url?.origin === this.#origin ? url : undefined;
  }
}

/** Whom to tell of a change if they have never logged in here. */
function recipientOf(
  { identity }: Pick<CredentialSnapshot, 'identity'>,
  { headers }: FastifyRequest,
): NoticeRecipient {
  const { email, emailVerified } = toProviderIdentity(identity);
  const languages = headers['accept-language'] ?? null;
  const former = { former_emails: null, former_emails_at: null };
  return { email, email_verified: emailVerified ? 1 : 0, languages, ...former };
}

function hasErrors({ messages: own, nodes }: z.output<typeof settledSchema>['ui']): boolean {
  const all = [own, ...nodes.map((node) => node.messages)].flatMap((some) => some ?? []);
  return all.some(({ type }) => type === 'error');
}

function originOf(request: FastifyRequest): { readonly requestId: string; readonly remoteAddress: string } {
  return { requestId: request.id, remoteAddress: request.ip };
}
