import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { LoginTransactions } from '../../../login/login-transaction.js';

/**
 * Finds the destination of the login that a self-service flow of Kratos belongs to: from the flow's `return_to` through Hydra's
 * challenge to the login transaction in this browser's cookie.
 */
@Injectable()
export class FlowDestination {
  constructor(
    private readonly hydra: HydraClient,
    private readonly transactions: LoginTransactions,
  ) {}

  /**
   * Finds the destination.
   * @param returnTo of the flow.
   * @returns the path on this origin; undefined for a flow without a login, an expired one, one of another application, or one that
   *   this browser has not begun.
   */
  async find(request: FastifyRequest, returnTo: string | undefined): Promise<string | undefined> {
    const challenge = challengeIn(returnTo);
    const requestUrl = challenge === undefined ? undefined : await this.#requestUrl(challenge);
    const state = requestUrl === undefined ? null : new URL(requestUrl).searchParams.get('state');
    return state === null ? undefined : this.transactions.find(request, state)?.returnTo;
  }

  async #requestUrl(challenge: string): Promise<string | undefined> {
    try {
      return (await this.hydra.loginOrigin(challenge)).requestUrl;
    } catch (error) {
      if (error instanceof Problem && error.code === 'challenge_rejected') {
        return undefined;
      }
      throw error;
    }
  }
}

/** Hydra's login challenge that a flow returns to. */
export function challengeIn(returnTo: string | undefined): string | undefined {
  return URL.canParse(returnTo ?? '')
    ? (new URL(returnTo ?? '').searchParams.get('login_challenge') ?? undefined)
    : undefined;
}
