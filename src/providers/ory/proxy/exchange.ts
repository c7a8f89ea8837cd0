import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PresentedCredential } from '../../oidc/client-authentication.js';
import type { HydraClientRecord } from '../hydra/hydra-clients.js';
import type { Release } from '../kratos/identity-locks.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { KratosSession } from '../kratos/kratos-session.js';
import { queryOf } from './query-limit.js';
import type { AccountChanges } from './settings-change.js';
import type { LiveRefresh } from './refresh.gate.js';

/** Reads the session of a request as Kratos reports it; undefined without one, and for one that needs something more. */
export type SessionReader = () => Promise<KratosSession | undefined>;

/** What an application is told about its request object (OpenID Connect Core section 3.1.2.6). */
export type RequestObjectError = 'request_not_supported' | 'request_uri_not_supported';

/** A token request whose answer may be for a resource. */
export interface ResourceGrant {
  /** Identifier of the resource, if the request names it. */
  readonly wanted: string | undefined;
  /** Thumbprint of the key that the request proves. */
  readonly jkt: string | undefined;
  /** Whether nothing else shows whose request it is. */
  readonly isPublic: boolean;
  /** Whether it redeems a code. */
  readonly isCode: boolean;
}

/** A request to Kratos or Hydra and its answer, with what the gates learn of them. */
export class Exchange {
  /** What the form has changed in the settings; the audit's gate finds out once Kratos has answered. */
  changed: AccountChanges = { changes: [], addresses: [] };
  /** The live refresh token of a token request, which the gate of refreshes finds. */
  refresh: LiveRefresh | undefined;
  /** The access token with which a program asks about its user. */
  token: string | undefined;
  /** Who sends a token request, by its own word, and how that is passed on. */
  presented: PresentedCredential | undefined;
  /** Whether a token request redeems a code. */
  hasCode = false;
  /** The client of an authorization request, if it registered itself and a gate has admitted it. */
  client: HydraClientRecord | undefined;
  /** Why an authorization request is refused, if it has a request object. */
  requestObject: RequestObjectError | undefined;
  /** What a token request whose answer may be for a resource states. */
  grant: ResourceGrant | undefined;
  /** Whether Kratos is asked for the flow that it begins, instead of a redirect to its page. */
  isForFlow = false;
  /** The query with which it goes to the upstream, without the question mark: a gate may write another one. */
  query: string;
  /** Bytes of the body, if it goes to the upstream with another one. */
  length: number | undefined;
  /** Whether the request goes first in the queue. */
  isKnown = false;
  /** Has the turn of a request that changes an identity begin, if it hasn't: call it when the upstream is free for it. @throws {Problem} `overloaded` */
  beginTurn: (() => Promise<void>) | undefined;
  /** Ends the turn of a request that changes an identity; safe to repeat. Undefined for other requests. */
  endTurn: Release | undefined;
  /** Whether a gate has thrown at an answer. */
  hasFailed = false;
  #session: Promise<KratosSession | undefined> | undefined;

  /**
   * @param path after the prefix of the upstream.
   * @param begunAt milliseconds since the epoch, before anything was asked of the upstream.
   */
  constructor(
    private readonly kratos: KratosClient,
    readonly request: FastifyRequest,
    readonly reply: FastifyReply,
    readonly path: string,
    readonly begunAt: number,
  ) {
    this.query = queryOf(request.url);
  }

  /** Puts another query in the place of the one that came: for every gate after this one, and for the upstream. */
  replaceQuery(query: string): void {
    const { raw } = this.request;
    raw.url = `${String(raw.url).split('?', 1)[0]}?${query}`;
    this.query = query;
  }

  /**
   * The browser's session as Kratos reports it before the request is passed on, if it needs nothing more. Kratos is asked once; a gate that
   * must know the state after the answer asks anew.
   * @throws {Problem} `provider_unavailable`
   */
  readonly session: SessionReader = () => {
    this.#session ??= this.kratos.liveSession(this.request.headers.cookie);
    return this.#session;
  };
}
