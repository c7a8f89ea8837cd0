import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import type { IdentitySource } from './identity-source.js';

/** A login of a company to which users can be led. */
export interface CompanyLogin {
  readonly id: string;
}

/** What the provider of an organisation's own connection asserts of one of its users. */
export interface AssertedUser {
  /** As the connection's last login reported them. */
  readonly identity: ProviderIdentity;
  /** The organisation that alone may vouch for them. */
  readonly orgId: string;
  readonly issuer: string;
  /** The claims of the assertion: issuer, audience, type and times are verified. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Who knows the logins of companies. */
export interface CompanyLoginSource {
  /** Their users and sessions. */
  readonly identities: IdentitySource;
  /** Whether every login begins with the address. */
  readonly areAskedFirst: boolean;
  /** Whether there are any, or may be some soon. */
  mayExist(): Promise<boolean>;
  find(id: string): Promise<CompanyLogin | undefined>;
  /** The login by which the user of an account of this site must log in; undefined if that account will do. */
  requiredOf(
    identity: Pick<ProviderIdentity, 'issuer' | 'subject' | 'email'>,
  ): Promise<CompanyLogin | undefined>;
  /** The login by which users with an address must log in, but for those whom it can't vouch for. */
  requiredOfAddress(email: string): Promise<CompanyLogin | undefined>;
  /**
   * Verifies what an organisation's provider asserts of a user for whom it vouches.
   * @param type the `typ` that the assertion must have. @param audience its only one.
   * @returns undefined if it asserts nothing of a member whom its connection has logged in. @throws {Problem} `provider_unavailable`
   */
  asserted(assertion: string, type: string, audience: string): Promise<AssertedUser | undefined>;
  /** The address that the user typed on the first page of this login. */
  typedAddress(request: FastifyRequest): string | undefined;
}

/** The logins of companies; none, unless a feature has told its own when the gateway started. */
@Injectable()
export class CompanyLogins {
  #source: CompanyLoginSource | undefined;

  use(source: CompanyLoginSource): void {
    this.#source = source;
  }

  get source(): CompanyLoginSource | undefined {
    return this.#source;
  }
}
