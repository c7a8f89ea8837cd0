import type { FastifyReply, FastifyRequest } from 'fastify';
import { stepUpParameters } from '../../../auth-strategy/step-up-requirement.js';
import type { LoginTransactions } from '../../../login/login-transaction.js';
import { asSent } from '../hydra/code-protection.js';
import { gatewayClientId } from '../hydra/hydra-clients.js';
import { parametersIn, queryOf } from './query-limit.js';

const verifiers = ['login_verifier', 'consent_verifier'] as const;
/** What an authorization request of Hydra's own has no use for: a login that begins anew carries none of them along. */
const challenges = ['login_challenge', 'consent_challenge', 'logout_challenge'] as const;
/** How Hydra refuses a verifier that was used before. It ends so: of one that was made up, it says more. */
const used = /verifier has already been used\.?$/;

/**
 * Begins a login anew whose verifier was used before: the form was sent twice, or its answer was lost. Hydra would tell the application that
 * the user denied access. A user who is logged in at Kratos by now isn't asked again; consent is.
 */
export class UsedVerifierGate {
  constructor(
    private readonly transactions: LoginTransactions,
    private readonly publicUrl: string,
  ) {}

  /** Call it with Hydra's answer to an authorization request. */
  settle(request: FastifyRequest, reply: FastifyReply): void {
    const location = reply.getHeader('location');
    if (typeof location !== 'string' || !URL.canParse(location)) {
      return;
    }
    const { search, hash } = new URL(location);
    // `response_mode=fragment`.
    const again = this.beginsAnew(request, new URLSearchParams(hash === '' ? search : hash.slice(1)));
    if (again !== undefined) {
      void reply.header('location', again);
    }
  }

  /** Where the login begins anew. @param answer to the application. @returns undefined for any other answer. */
  beginsAnew(request: FastifyRequest, answer: URLSearchParams): string | undefined {
    const asked = parametersIn(queryOf(request.url));
    // An application's own redirect URI may have a description, too.
    const isRefusal = answer.get('error') === 'access_denied' && !answer.has('code');
    if (
      !verifiers.some((name) => asked.has(name)) ||
      !isRefusal ||
      !used.test(answer.get('error_description') ?? '')
    ) {
      return undefined;
    }
    const again =
      asked.get('client_id') === gatewayClientId
        ? this.#ownLogin(request, asked.get('state') ?? '')
        : `/ory/hydra/oauth2/auth?${asSent(String(without(asked, [...verifiers, ...challenges])))}`;
    return again && `${this.publicUrl}${again}`;
  }

  /** The gateway's own login, which has a state for each try; undefined where it has ended. */
  #ownLogin(request: FastifyRequest, state: string): string | undefined {
    const transaction = this.transactions.find(request, state);
    return (
      transaction &&
      `/auth/login?${new URLSearchParams({
        return_to: transaction.returnTo,
        ...stepUpParameters(transaction.demand),
      })}`
    );
  }
}

function without(query: URLSearchParams, names: readonly string[]): URLSearchParams {
  return new URLSearchParams([...query].filter(([name]) => !names.includes(name)));
}
