import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { FlowDestination, challengeIn } from '../auth/flow.destination.js';
import { Problem } from '../core/problem.error.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { inviteTokenOf } from '../orgs/invite.link.js';
import { InviteLookup, type OpenInvite } from '../orgs/invite.lookup.js';
import type { Flow } from './flow.parser.js';

/** What a self-service page needs to know besides the flow itself. */
export interface FlowSurroundings {
  /** Where the application that sent the person here is redirected to once the form has logged them in. */
  readonly formTargets: readonly string[];
  /** The invite whose link led here. */
  readonly invite: OpenInvite | undefined;
}

/** Finds out what a flow is a part of: a login of an application, and the invite that it began with. */
@Injectable()
export class FlowSurroundingsFinder {
  readonly #hydra: HydraClient;
  readonly #destinations: FlowDestination;
  readonly #invites: InviteLookup;

  constructor(hydra: HydraClient, destinations: FlowDestination, invites: InviteLookup) {
    this.#hydra = hydra;
    this.#destinations = destinations;
    this.#invites = invites;
  }

  async find(request: FastifyRequest, flow: Flow): Promise<FlowSurroundings> {
    const challenge = challengeIn(flow.return_to);
    const formTargets = challenge === undefined ? [] : await this.#formTargets(challenge);
    const token = inviteTokenOf(await this.#destinations.find(request, flow.return_to));
    const invite = token === undefined ? undefined : await this.#invites.findOpen(token);
    return { formTargets, invite };
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
