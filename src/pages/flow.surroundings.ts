import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { FlowDestination, challengeIn } from '../providers/ory/challenges/flow.destination.js';
import { Problem } from '../platform/errors/problem.error.js';
import { ChallengeBinding } from '../providers/ory/hydra/challenge.binding.js';
import { TypedAddress } from '../providers/ory/connections/typed.address.js';
import { applicationOf } from '../providers/ory/hydra/hydra.applications.js';
import { HydraClient, type LoginOrigin } from '../providers/ory/hydra/hydra.client.js';
import { inviteTokenOf } from '../accounts/invite.link.js';
import { RateLimits } from '../directory/rate-limit/rate.limits.js';
import { InviteLookup, type OpenInvite } from '../orgs/invite.lookup.js';
import { loginPairOf } from '../providers/ory/proxy/ory.limits.js';
import type { Flow } from './flow.parser.js';
import type { FlowKind } from './views/flow.plan.js';

/** Id of Kratos' message about a wrong password or address. */
const wrongPassword = 4_000_006;
/** The page shows the number of attempts left once there are this many or fewer. */
const warnFrom = 3;

/** What a self-service page needs to know besides the flow itself. */
export interface FlowSurroundings {
  /** The application that sent the person here. */
  readonly application: FlowApplication;
  /** The invite whose link led here. */
  readonly invite: OpenInvite | undefined;
  /** Login attempts left for this account before logins are paused; undefined unless few are left. */
  readonly triesLeft: number | undefined;
}

/** The application that a login is for, as far as its pages need it. */
export interface FlowApplication extends Pick<LoginOrigin, 'redirectUris' | 'loginHint' | 'uiLocales'> {
  /** Of a registered application; undefined for the product itself, and for clients that may call themselves what they like. */
  readonly name: string | undefined;
}

const noApplication: FlowApplication = {
  redirectUris: [],
  loginHint: undefined,
  uiLocales: [],
  name: undefined,
};

/** Finds the context of a flow: the application that the login is for, the invite that led to it, and the attempts left. */
@Injectable()
export class FlowSurroundingsFinder {
  readonly #hydra: HydraClient;
  readonly #binding: ChallengeBinding;
  readonly #destinations: FlowDestination;
  readonly #invites: InviteLookup;
  readonly #limits: RateLimits;
  readonly #typed: TypedAddress;

  constructor(
    hydra: HydraClient,
    binding: ChallengeBinding,
    destinations: FlowDestination,
    invites: InviteLookup,
    limits: RateLimits,
    typed: TypedAddress,
  ) {
    this.#hydra = hydra;
    this.#binding = binding;
    this.#destinations = destinations;
    this.#invites = invites;
    this.#limits = limits;
    this.#typed = typed;
  }

  async find(request: FastifyRequest, kind: FlowKind, flow: Flow): Promise<FlowSurroundings> {
    const challenge = challengeIn(flow.return_to);
    const application = challenge === undefined ? noApplication : await this.#application(challenge, request);
    const token = inviteTokenOf(await this.#destinations.find(request, flow.return_to));
    const invite = token === undefined ? undefined : await this.#invites.findOpen(token);
    const triesLeft = kind === 'login' ? await this.#triesLeft(request, flow) : undefined;
    return { application, invite, triesLeft };
  }

  /** The number of attempts left after a wrong password; undefined if there are enough not to warn about. */
  async #triesLeft(request: FastifyRequest, { ui }: Flow): Promise<number | undefined> {
    const identifier = ui.nodes.find(
      (node) => node.type === 'input' && node.attributes.name === 'identifier',
    );
    const account = identifier?.type === 'input' ? identifier.attributes.value : undefined;
    if (!ui.messages.some(({ id }) => id === wrongPassword) || typeof account !== 'string') {
      return undefined;
    }
    const left = await this.#limits.remaining(request, 'login-pair', loginPairOf(request, account));
    return left === undefined || left > warnFrom ? undefined : left;
  }

  /** What the application asked for is shown only in the browser that was given the challenge. */
  async #application(challenge: string, request: FastifyRequest): Promise<FlowApplication> {
    try {
      const origin = await this.#hydra.loginOrigin(challenge);
      // What the user has typed on the page before precedes what the application guesses.
      return this.#binding.holds(challenge, request.headers.cookie)
        ? {
            ...origin,
            loginHint: this.#typed.read(request) ?? origin.loginHint,
            name: applicationOf(origin.client)?.name,
          }
        : { ...noApplication, redirectUris: origin.redirectUris };
    } catch (error) {
      // An expired challenge is reported later, when the submitted form returns to it.
      if (error instanceof Problem && error.code === 'challenge_rejected') {
        return noApplication;
      }
      throw error;
    }
  }
}
