import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type ComponentChild, h } from 'preact';
import {
  type ApplicationItem,
  applicationListSchema,
  applicationSchema,
  createdApplicationSchema,
  rotatedSecretSchema,
} from '../application.schemas.js';
import { agentListSchema } from '../agent.schemas.js';
import { applicationUserListSchema } from '../connected-app.schemas.js';
import { type DeploymentAddresses, openIdAddresses } from '../program.catalogue.js';
import { orgSchema } from '../../../orgs/org.schemas.js';
import { ResourceRegistry } from '../../../providers/ory/hydra/resource-registry.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { idPart } from '../../../pages/admin/admin-addresses.js';
import { leadingBackTo } from '../../../pages/admin/admin-refusals.js';
import { ApiClient } from '../../../pages/api.client.js';
import { noContent, noticeOf, seeOther } from '../../../pages/form-answer.js';
import { formErrorsOf } from '../../../pages/form-errors.js';
import { FeatureParts } from '../../../pages/feature-parts.js';
import type { ListQuery } from '../../../pages/orgs/org.query.js';
import { PageSender } from '../../../pages/page-sender.js';
import { SentForms, newFormId } from '../../../pages/sent-forms.js';
import { AgentPage, AgentsPage } from '../views/agents.view.js';
import type { ApplicationsPlace } from '../views/application-layout.view.js';
import { ApplicationPage } from '../views/application.view.js';
import type { ApplicationUsersProps } from '../views/application-users.view.js';
import { ApplicationQuestionPage } from '../views/application-question.view.js';
import { ApplicationsPage } from '../views/applications.view.js';
import { NewApplicationPage } from '../views/new-application.view.js';
import { SecretPage } from '../views/secret.view.js';
import { SentAlreadyPage } from '../views/sent-already.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { applicationFormTexts, changesOf, newApplicationOf, valuesOf } from './application.form.js';

/** Number of applications on one page of the list. */
const applicationsAtOnce = '25';
/** Number of users on one page of an application's. */
const usersAtOnce = '10';

/** A request for one of these pages. */
export interface Visit {
  readonly reply: FastifyReply;
  /** Where the pages are: in the administration, or at an organisation. */
  readonly place: ApplicationsPlace;
  /** Path of the same applications at the API. */
  readonly api: string;
}

/** Builds the pages of applications, which the administration and each organisation have alike. */
@Injectable()
export class ApplicationPages {
  readonly #addresses: DeploymentAddresses;

  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
    private readonly forms: SentForms,
    private readonly parts: FeatureParts,
    private readonly resources: ResourceRegistry,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#addresses = openIdAddresses(configuration);
  }

  /** Sends one page of the list. */
  async list(visit: Visit, { after, notice }: ListQuery): Promise<void> {
    const { reply, place, api } = visit;
    const cursor = after === undefined ? {} : { cursor: after };
    const query = new URLSearchParams({ limit: applicationsAtOnce, ...cursor });
    const applications = await this.api.read(reply.request, `${api}?${query}`, applicationListSchema);
    const orgNames = place.org === undefined ? await this.#orgNames(reply, applications.items) : undefined;
    const page = { place, applications, isLater: after !== undefined, orgNames, notice };
    await this.#send(visit, h(ApplicationsPage, page));
  }

  /** Sends the form for a new application. */
  async form(visit: Visit, form?: FormState, status?: number): Promise<void> {
    const { reply, place } = visit;
    const orgs = place.org === undefined ? await this.parts.orgs.choices(reply.request) : [];
    await this.#send(visit, h(NewApplicationPage, { place, orgs, formId: newFormId(), form }), status);
  }

  /** Registers an application. Only this response shows its secret: a redirect would have to store it somewhere. */
  async create(visit: Visit, values: FormState['values'] & { readonly formId: string }): Promise<void> {
    const { reply, place, api } = visit;
    const body = newApplicationOf(values, place.org === undefined);
    const made = await this.forms
      .once(values.formId, async () =>
        this.api.change(reply, { method: 'POST', path: api, body }, createdApplicationSchema),
      )
      .catch((error: unknown) =>
        formErrorsOf(leadingBackTo(`${place.path}/new`, error), values, applicationFormTexts),
      );
    if (made === undefined) {
      await this.#sendSent(visit, 'registered', place.path);
      return;
    }
    if ('form' in made) {
      await this.form(visit, made.form, made.status);
      return;
    }
    const { clientSecret, ...application } = made;
    if (clientSecret === null) {
      await seeOther(reply, `${place.path}/${application.id}`, 'application_created');
      return;
    }
    await this.#sendSecret(visit, { application, secret: clientSecret, previousUntil: null, isNew: true });
  }

  /** Sends the page of an application. `after` is the position in the list of its users. */
  async show(visit: Visit, id: string, { notice, after }: ListQuery): Promise<void> {
    await this.#sendOne(visit, await this.#find(visit, id), { notice, after });
  }

  /** Changes an application. */
  async change(visit: Visit, id: string, values: FormState['values']): Promise<void> {
    const { reply, place, api } = visit;
    const application = await this.#find(visit, id);
    const body = changesOf(application, values, place.org === undefined);
    const path = `${api}/${application.id}`;
    const changed = await this.api
      .change(reply, { method: 'PATCH', path, body }, applicationSchema)
      .catch((error: unknown) =>
        formErrorsOf(leadingBackTo(`${place.path}/${application.id}`, error), values, applicationFormTexts),
      );
    if ('form' in changed) {
      await this.#sendOne(visit, application, { form: changed.form, status: changed.status });
      return;
    }
    await seeOther(reply, `${place.path}/${application.id}`, 'application_saved');
  }

  /** Makes a new secret. Only this response shows it. @param keep seconds for which the previous one is accepted. */
  async rotate(
    visit: Visit,
    id: string,
    { keep, formId }: { readonly keep: string; readonly formId: string },
  ): Promise<void> {
    const { reply, place, api } = visit;
    const application = await this.#find(visit, id);
    const body = { keepPreviousFor: Number(keep) };
    const call = { method: 'POST', path: `${api}/${application.id}/secret`, body } as const;
    const page = `${place.path}/${application.id}`;
    const made = await this.forms
      .once(formId, async () => this.api.change(reply, call, rotatedSecretSchema))
      .catch((error: unknown) => {
        throw leadingBackTo(page, error);
      });
    if (made === undefined) {
      await this.#sendSent(visit, 'rotated', page);
      return;
    }
    const { clientSecret: secret, previousSecretUntil: previousUntil } = made;
    await this.#sendSecret(visit, { application, secret, previousUntil, isNew: false });
  }

  /** Asks for confirmation before an application is removed. */
  async ask(visit: Visit, id: string): Promise<void> {
    const application = await this.#find(visit, id);
    await this.#send(visit, h(ApplicationQuestionPage, { place: visit.place, application }));
  }

  /** Removes an application. */
  async remove({ reply, place, api }: Visit, id: string): Promise<void> {
    const path = `${api}/${idPart(id)}`;
    const change = this.api.change(reply, { method: 'DELETE', path }, noContent);
    await seeOther(reply, place.path, await noticeOf(change, 'application_removed', 'application_gone'));
  }

  /** Sends one page of the clients that registered themselves. */
  async agents(visit: Visit, { after }: ListQuery): Promise<void> {
    const cursor = after === undefined ? {} : { cursor: after };
    const query = new URLSearchParams({ limit: applicationsAtOnce, ...cursor });
    const agents = await this.api.read(visit.reply.request, `/api/v1/agents?${query}`, agentListSchema);
    await this.#send(visit, h(AgentsPage, { agents, isLater: after !== undefined }));
  }

  /** Sends the page of a client that registered itself. `after` is the position in the list of its users. */
  async agent(visit: Visit, id: string, { after }: ListQuery): Promise<void> {
    const query = new URLSearchParams({ id });
    const { items } = await this.api.read(visit.reply.request, `/api/v1/agents?${query}`, agentListSchema);
    const [agent] = items;
    if (agent === undefined) {
      throw new Problem('not_found', { reason: 'no_such_agent' });
    }
    await this.#send(visit, h(AgentPage, { agent, users: await this.#usersAt(visit, agent.id, after) }));
  }

  async #find({ reply, api }: Visit, id: string): Promise<ApplicationItem> {
    return this.api.read(reply.request, `${api}/${idPart(id)}`, applicationSchema);
  }

  async #sendOne(
    visit: Visit,
    application: ApplicationItem,
    { form, status, notice, after }: Partial<ListQuery> & { form?: FormState; status?: number },
  ): Promise<void> {
    const { reply, place } = visit;
    const names = place.org === undefined ? await this.#orgNames(reply, [application]) : undefined;
    const page = h(ApplicationPage, {
      place,
      application,
      initial: valuesOf(application),
      resourceScopes: this.resources.scopes,
      addresses: this.#addresses,
      orgName: names?.get(application.orgId ?? ''),
      formId: newFormId(),
      form,
      users: await this.#usersOf(visit, application, after),
      notice,
    });
    await this.#send(visit, page, status);
  }

  /** Who has logged in to an application; undefined where that isn't shown, or can't be read now. */
  async #usersOf(
    visit: Visit,
    { id, kind }: ApplicationItem,
    after: string | undefined,
  ): Promise<Pick<ApplicationUsersProps, 'users' | 'isLater'> | undefined> {
    return visit.place.org !== undefined || kind === 'machine' ? undefined : this.#usersAt(visit, id, after);
  }

  async #usersAt(
    { reply, api }: Visit,
    id: string,
    after: string | undefined,
  ): Promise<Pick<ApplicationUsersProps, 'users' | 'isLater'> | undefined> {
    const query = new URLSearchParams({
      limit: usersAtOnce,
      ...(after === undefined ? {} : { cursor: after }),
    });
    const users = await this.api
      .read(reply.request, `${api}/${encodeURIComponent(id)}/users?${query}`, applicationUserListSchema)
      .catch(() => undefined);
    return users && { users, isLater: after !== undefined };
  }

  async #sendSecret(
    visit: Visit,
    made: {
      readonly application: ApplicationItem;
      readonly secret: string;
      readonly previousUntil: string | null;
      readonly isNew: boolean;
    },
  ): Promise<void> {
    const addresses = this.#addresses;
    await this.#send(visit, h(SecretPage, { place: visit.place, addresses, ...made }));
  }

  /** Answers a form that was sent before. @param href where to see what came of it. */
  async #sendSent(visit: Visit, done: 'registered' | 'rotated', href: string): Promise<void> {
    await this.#send(visit, h(SentAlreadyPage, { place: visit.place, done, href }), 409);
  }

  /** Names of the organisations that applications belong to, by id. */
  async #orgNames(
    { request }: FastifyReply,
    applications: readonly ApplicationItem[],
  ): Promise<ReadonlyMap<string, string>> {
    const ids = new Set(applications.flatMap(({ orgId }) => (orgId === null ? [] : [orgId])));
    const names = await Promise.all(
      [...ids].map(async (id) => {
        const org = await this.api.read(request, `/api/v1/orgs/${id}`, orgSchema).catch(() => undefined);
        return [id, org?.name ?? id] as const;
      }),
    );
    return new Map(names);
  }

  async #send({ reply }: Visit, page: ComponentChild, status = 200): Promise<void> {
    void reply.code(status).header('cache-control', 'no-store');
    await this.pages.send(reply, page);
  }
}
