import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FlowDestination } from '../challenges/flow.destination.js';
import type { SignUpPolicy } from '../../../accounts/sign-up.policy.js';
import type { RequiredLogins } from '../connections/owned/required.logins.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { FormRefusals } from './form.refusals.js';
import { queryOf } from './query.limit.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

/** Dependencies of {@link SignUpGate}. */
export interface SignUpGateParts {
  readonly policy: SignUpPolicy;
  readonly destinations: FlowDestination;
  readonly refusals: FormRefusals;
  readonly required: RequiredLogins;
}

/** Enforces `SIGNUP` and `EMAIL_DOMAINS` for registrations and changes of address that are passed on to Kratos, and required connections for registrations. */
export class SignUpGate {
  readonly #parts: SignUpGateParts;

  constructor(parts: SignUpGateParts) {
    this.#parts = parts;
  }

  /**
   * Checks a request that is about to be passed on.
   * @param path after the prefix.
   * @returns whether it was answered here.
   * @throws {Problem} `signup_refused`; as {@link readSubmittedForm}; `provider_unavailable`
   */
  async refuses(request: FastifyRequest, reply: FastifyReply, path: string): Promise<boolean> {
    if (path === '/self-service/registration' && (await this.#leadsElsewhere(request, reply))) {
      return true;
    }
    if (this.#parts.policy.isOpen) {
      return false;
    }
    switch (path) {
      case '/self-service/registration/browser': {
        const returnTo = new URLSearchParams(queryOf(request.url)).get('return_to');
        await this.#requireBegun(request, returnTo ?? undefined);
        return false;
      }
      case '/self-service/registration':
        return this.#refusesRegistration(request, reply);
      case '/self-service/settings':
        return this.#refusesAddress(request, reply);
      default:
        return false;
    }
  }

  /** Refuses an address whose user couldn't log in by the account, since a connection is required. */
  async #leadsElsewhere(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { refusals, required } = this.#parts;
    const form = await readSubmittedForm(request);
    const email = addressIn(form);
    if (email === undefined || (await required.ofAddress(email)) === undefined) {
      return false;
    }
    const flow = await refusals.find('registration', form, request);
    if (flow === undefined) {
      return false;
    }
    await refusals.answer(
      request,
      reply,
      { kind: 'registration', form, flow },
      { fault: 'company', advice: [] },
    );
    return true;
  }

  async #requireBegun(request: FastifyRequest, returnTo: string | undefined): Promise<string | undefined> {
    const destination = await this.#parts.destinations.find(request, returnTo);
    await this.#parts.policy.requireBegun({ destination });
    return destination;
  }

  async #refusesRegistration(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const { policy, refusals } = this.#parts;
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
    const { policy, refusals } = this.#parts;
    const form = request.method === 'POST' ? await readSubmittedForm(request) : undefined;
    const email = form === undefined ? undefined : addressIn(form);
    if (form === undefined || email === undefined || policy.allowsDomainOf(email)) {
      return false;
    }
    const flow = await refusals.find('settings', form, request);
    if (flow === undefined || flow.identity?.traits.email?.toLowerCase() === email.toLowerCase()) {
      return false;
    }
    await refusals.answer(request, reply, { kind: 'settings', form, flow }, { fault: 'domain', advice: [] });
    return true;
  }
}

function addressIn({ fields }: SubmittedForm): string | undefined {
  return fields.find(([name, value]) => name.toLowerCase() === 'traits.email' && value !== '')?.[1];
}
