import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { FlowDestination, challengeIn } from '../auth/flow.destination.js';
import { Problem } from '../core/problem.error.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { inviteTokenOf } from '../auth/invite.link.js';
import { RateLimits } from '../limits/rate.limits.js';
import { InviteLookup, type OpenInvite } from '../orgs/invite.lookup.js';
import { loginPairOf } from '../proxy/ory.limits.js';
import type { Flow } from './flow.parser.js';
import type { FlowKind } from './views/flow.plan.js';

/** Kratos' message about a wrong password or address. */
const wrongPassword = 4_000_006;
/** Tries that are left when the page begins to say so. */
const warnFrom = 3;

/** What a self-service page needs to know besides the flow itself. */
export interface FlowSurroundings {
  /** Where the application that sent the person here is redirected to once the form has logged them in. */
  readonly formTargets: readonly string[];
  /** The invite whose link led here. */
  readonly invite: OpenInvite | undefined;
  /** Tries that are left for this account before logging in is paused, when they are few. */
  readonly triesLeft: number | undefined;
}

/** Finds out what a flow is a part of: a login of an application, and the invite that it began with. */
@Injectable()
export class FlowSurroundingsFinder {
  readonly #hydra: HydraClient;
  readonly #destinations: FlowDestination;
  readonly #invites: InviteLookup;
  readonly #limits: RateLimits;

  constructor(hydra: HydraClient, destinations: FlowDestination, invites: InviteLookup, limits: RateLimits) {
    this.#hydra = hydra;
    this.#destinations = destinations;
    this.#invites = invites;
    this.#limits = limits;
  }

  async find(request: FastifyRequest, kind: FlowKind, flow: Flow): Promise<FlowSurroundings> {
    const challenge = challengeIn(flow.return_to);
    const formTargets = challenge === undefined ? [] : await this.#formTargets(challenge);
    const token = inviteTokenOf(await this.#destinations.find(request, flow.return_to));
    const invite = token === undefined ? undefined : await this.#invites.findOpen(token);
    const triesLeft = kind === 'login' ? await this.#triesLeft(request, flow) : undefined;
    return { formTargets, invite, triesLeft };
  }

  /** After a wrong password: how many more there can be, once that is worth a warning. */
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

  async #formTargets(challenge: string): Promise<readonly string[]> {
    try {
      return await this.#hydra.redirectUris(challenge);
    } catch (error) {
      // An expired challenge is answered when the form comes back to it.
      if (error instanceof Problem && error.code === 'challenge_rejected') {
        return [];
      }
      throw error;
    }
  }
}
