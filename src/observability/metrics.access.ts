import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isInside } from '../config/air-gap.address.js';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { addressRanges } from '../config/address.ranges.js';
import { Problem } from '../core/problem.error.js';
import { digestOf, isSameText } from '../core/secret.text.js';

/** What proxies put on a request that they pass on: one that bears any of these did not come from a scraper. */
const proxied =
  /^(?:forwarded|via|true-client-ip|cf-connecting-ip|x-real-ip|x-forwarded-.*|x-original-.*|x-envoy-.*)$/;
const bearer = /^Bearer +(\S+)$/i;

/**
 * Who may read the metrics: whoever has the token, where there is one; else who connects by itself from inside. Everybody else is
 * told that there is nothing.
 */
@Injectable()
export class MetricsAccess {
  readonly #token: string | undefined;
  readonly #publicHostname: string;
  readonly #isProxy: (address: string | undefined) => boolean;

  constructor(@Inject(CONFIGURATION) { METRICS_TOKEN, PUBLIC_URL, TRUST_PROXY }: Configuration) {
    this.#token = METRICS_TOKEN;
    this.#publicHostname = new URL(PUBLIC_URL).hostname.toLowerCase();
    this.#isProxy = addressRanges(TRUST_PROXY);
  }

  /** @throws {Problem} `unauthenticated` for a wrong token, `not_found` for whoever comes from outside. */
  require(request: FastifyRequest): void {
    if (this.#token !== undefined) {
      const given = bearer.exec(request.headers.authorization ?? '')?.[1];
      if (given === undefined || !isSame(given, this.#token)) {
        throw new Problem('unauthenticated', {
          reason: 'metrics_token_wrong',
          headers: { 'www-authenticate': 'Bearer' },
        });
      }
    } else if (!this.#isScraper(request)) {
      throw new Problem('not_found', { reason: 'metrics_from_outside' });
    }
  }

  #isScraper({ headers, hostname, raw }: FastifyRequest): boolean {
    const { remoteAddress } = raw.socket;
    return (
      isInside(remoteAddress ?? '') &&
      !this.#isProxy(remoteAddress) &&
      !Object.keys(headers).some((name) => proxied.test(name)) &&
      // Browsers, and proxies that pass on what they asked for, name the public host; a scraper an address or an inside name.
      (hostname.toLowerCase() !== this.#publicHostname || isLoopback(this.#publicHostname))
    );
  }
}

/** On a developer's machine the public host is the inside one. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.endsWith('.localhost') || /^(?:127\.|\[::1\])/.test(hostname);
}

function isSame(one: string, other: string): boolean {
  // By digests, which are as long as each other: nor does the time tell the token's length.
  return isSameText(digestOf(one), digestOf(other));
}
