import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FlowDestination } from '../challenges/flow-destination.js';
import type { SignUpPolicy } from '../../../accounts/sign-up.policy.js';
import type { CompanyLogins } from '../sources/company-logins.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import { kratosIssuer } from '../kratos/kratos-session.js';
import type { FormRefusals, KratosFlow } from './form-refusals.js';
import { queryOf } from './query-limit.js';
import { type SubmittedForm, readSubmittedForm, spellingOf } from './submitted.form.js';

/** Enforces `SIGNUP`, `EMAIL_DOMAINS` and required connections for registrations and changes of address that are passed on to Kratos. */
export class SignUpGate {
  constructor(
    private readonly policy: SignUpPolicy,
    private readonly destinations: FlowDestination,
    private readonly refusals: FormRefusals,
    private readonly companies: CompanyLogins,
  ) {}

  /**
   * Checks a request that is about to be passed on.
   * @param path after the prefix.
   * @returns whether it was answered here.
   * @throws {Problem} `signup_refused`; as {@link readSubmittedForm} and {@link FormRefusals.answer}; `provider_unavailable`
   */
  async refuses(request: FastifyRequest, reply: FastifyReply, path: string): Promise<boolean> {
    const { isOpen } = this.policy;
    switch (path) {
      case '/self-service/registration/browser': {
        if (isOpen) {
          return false;
        }
        const returnTo = new URLSearchParams(queryOf(request.url)).get('return_to');
        await this.#requireBegun(request, returnTo ?? undefined);
        return false;
      }
      case '/self-service/registration':
        return (
          (await this.#leadsElsewhere(request, reply)) ||
          (!isOpen && (await this.#refusesRegistration(request, reply)))
        );
      case '/self-service/settings':
        return this.#refusesAddress(request, reply);
      default:
        return false;
    }
  }

  /** Refuses an address whose user couldn't log in by the account, since a connection is required. */
  async #leadsElsewhere(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { refusals, companies } = this;
    const form = await readSubmittedForm(request);
    const email = addressIn(form);
    if (email === undefined || (await companies.source?.requiredOfAddress(email)) === undefined) {
      return false;
    }
    const flow = await refusals.find('registration', form, request);
    await refusals.answer(
      request,
      reply,
      { kind: 'registration', form, flow },
      { fault: 'company', advice: [] },
    );
    return true;
  }

  async #requireBegun(request: FastifyRequest, returnTo: string | undefined): Promise<string | undefined> {
    const destination = await this.destinations.find(request, returnTo);
    await this.policy.requireBegun({ destination });
    return destination;
  }

  async #refusesRegistration(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { policy, refusals } = this;
    const form = await readSubmittedForm(request);
    const flow = await refusals.find('registration', form, request);
    const destination = await this.#requireBegun(request, flow?.return_to);
    const email = addressIn(form);
    if (email === undefined) {
      return false;
    }
    try {
      await policy.requireAdmitted({ email, emailVerified: false }, { destination }, true);
      return false;
    } catch (error) {
      const isAddress = error instanceof Problem && error.code === 'signup_refused' && flow !== undefined;
      if (!isAddress) {
        throw error;
      }
      const fault = error.reason === 'signup_other_domain' ? 'domain' : 'invitee';
      await refusals.answer(request, reply, { kind: 'registration', form, flow }, { fault, advice: [] });
      return true;
    }
  }

  /** Checks a new address in the settings; an unchanged one is allowed. */
  async #refusesAddress(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { refusals } = this;
    const form = request.method === 'POST' ? await readSubmittedForm(request) : undefined;
    const email = form === undefined ? undefined : addressIn(form);
    if (form === undefined || email === undefined) {
      return false;
    }
    const flow = await refusals.find('settings', form, request);
    const identity = flow?.identity;
    if (foldIdentifier(identity?.traits.email ?? '') === foldIdentifier(email)) {
      return false;
    }
    const fault = await this.#faultOf(identity, email);
    if (fault === undefined) {
      return false;
    }
    await refusals.answer(request, reply, { kind: 'settings', form, flow }, { fault, advice: [] });
    return true;
  }

  /** Why an account can't get another address: by either one, its user must log in by a connection, or the domain is none of ours. */
  async #faultOf(
    identity: KratosFlow['identity'],
    email: string,
  ): Promise<'required' | 'company' | 'domain' | undefined> {
    const { policy, companies } = this;
    const key = { issuer: kratosIssuer, subject: identity?.id ?? '' };
    // Otherwise they would leave the connection by a change of address, in a session that Kratos still gives them.
    if (
      (await companies.source?.requiredOf({ ...key, email: identity?.traits.email ?? null })) !== undefined
    ) {
      return 'required';
    }
    if ((await companies.source?.requiredOf({ ...key, email })) !== undefined) {
      return 'company';
    }
    return policy.allowsDomainOf(email) ? undefined : 'domain';
  }
}

function addressIn({ fields }: SubmittedForm): string | undefined {
  return fields.find(([name, value]) => spellingOf(name) === 'traits.email' && value !== '')?.[1];
}
