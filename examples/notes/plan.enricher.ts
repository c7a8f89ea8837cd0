import { Injectable } from '@nestjs/common';
import { type Claims, type EnrichedSubject, ClaimsEnricher } from '@vestibule-auth/vestibule';

/** Puts the caller's plan into every token, so that no request has to ask for it. */
@Injectable()
export class PlanEnricher extends ClaimsEnricher {
  /** Asked when a token is made: at login, at renewals, in exchanges. An error here refuses those. */
  override async enrich({ user }: EnrichedSubject): Promise<Readonly<Record<string, unknown>>> {
    // Yours would ask a table, or the service that sends the bills.
    return { plan: user.email?.endsWith('@team.example') === true ? 'team' : 'free' };
  }
}

/** The plan in a token; tokens that were made before there were plans have none. */
export function planOf(claims: Claims): 'free' | 'team' {
  return claims['plan'] === 'team' ? 'team' : 'free';
}
