import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AccessQuery } from '../config/access-query.parser.js';
import type { Problem } from '../errors/problem.error.js';

/** A host of applications, other than that of `PUBLIC_URL`, on which a session has a cookie of its own. */
export interface ApplicationHost {
  /** Also the audience of its tokens. */
  readonly origin: string;
  /** What every request to it must meet. */
  readonly requirement: AccessQuery;
  /** Path on it at which a login begins. */
  readonly loginPath: string;
  /** A `return_to` parameter → a path on it that is safe to redirect to, else `/`. */
  returnTo(value: unknown): string;
  /** A refusal as it is given there: it states where a login begins, if one helps. */
  refusal(problem: Problem, request: FastifyRequest): Problem;
}

/** Who knows hosts of applications, and the sessions on them. */
export interface HostSource {
  /**
   * The host with this name, if it has something at the path.
   * @param name as the Host header has it.
   */
  find(name: string, path: string): ApplicationHost | undefined;
  /** The names of the hosts on which sessions have a cookie too, by session id, in alphabetical order. */
  namesOf(sessionIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
}

/** The hosts of applications; none, unless a feature has told its own when the gateway started. */
@Injectable()
export class ApplicationHosts implements HostSource {
  #source: HostSource | undefined;

  use(source: HostSource): void {
    this.#source = source;
  }

  find(name: string, path: string): ApplicationHost | undefined {
    return this.#source?.find(name, path);
  }

  async namesOf(sessionIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    return (await this.#source?.namesOf(sessionIds)) ?? new Map();
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the check of the Host header, read by {@link applicationHostOf}. */
    vestibuleHost?: ApplicationHost;
  }
}

/** The host of applications that a request is for; undefined at the host of `PUBLIC_URL`. */
export function applicationHostOf(request: FastifyRequest): ApplicationHost | undefined {
  return request.vestibuleHost;
}
