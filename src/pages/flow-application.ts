import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../platform/errors/problem.error.js';
import { CompanyLogins } from '../providers/ory/sources/company-logins.js';
import { ChallengeBinding } from '../providers/ory/hydra/challenge-binding.js';
import { applicationOf } from '../providers/ory/hydra/hydra-applications.js';
import { HydraClient, type LoginOrigin } from '../providers/ory/hydra/hydra.client.js';

/** The application that a login is for, as far as its pages need it. */
export interface FlowApplication extends Pick<LoginOrigin, 'redirectUris' | 'loginHint' | 'uiLocales'> {
  /** Of a registered application; undefined for the product itself, and for clients that may call themselves what they like. */
  readonly name: string | undefined;
}

/** A flow without a challenge: the login is for the product itself. */
const noApplication: FlowApplication = {
  redirectUris: [],
  loginHint: undefined,
  uiLocales: [],
  name: undefined,
};

/** Finds the application that a flow's login is for. */
@Injectable()
export class FlowApplications {
  constructor(
    private readonly hydra: HydraClient,
    private readonly binding: ChallengeBinding,
    private readonly companies: CompanyLogins,
  ) {}

  /** The application of a login challenge. What it asked for is shown only in the browser that was given the challenge. */
  async find(challenge: string | undefined, request: FastifyRequest): Promise<FlowApplication> {
    if (challenge === undefined) {
      return noApplication;
    }
    try {
      const origin = await this.hydra.loginOrigin(challenge);
      // What the user has typed on the page before precedes what the application guesses.
      return this.binding.holds(challenge, request.headers.cookie)
        ? {
            ...origin,
            loginHint: this.companies.source?.typedAddress(request) ?? origin.loginHint,
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
