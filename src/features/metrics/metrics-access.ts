import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { isInside } from '../../platform/air-gap/air-gap-address.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { addressRanges } from '../../platform/config/address-ranges.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { digestOf, isSameText } from '../../platform/crypto/secret-text.js';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { type MetricSettings, metricSettings } from './metrics.settings.js';

/** Headers that proxies add to requests. A request with any of them didn't come directly from a scraper. */
const proxied =
  /^(?:forwarded|via|true-client-ip|cf-connecting-ip|x-real-ip|x-forwarded-.*|x-original-.*|x-envoy-.*)$/;
const bearer = /^Bearer +(\S+)$/i;

/**
 * Decides who may read the metrics: anyone who has the token, if `METRICS_TOKEN` is set; otherwise any client that connects
 * directly from the inside network. Without a token, other clients get 404.
 */
@Injectable()
export class MetricsAccess {
  readonly #token: string | undefined;
  readonly #publicHostname: string;
  readonly #isProxy: (address: string | undefined) => boolean;

  constructor(
    @Inject(CONFIGURATION) { PUBLIC_URL, TRUST_PROXY }: Configuration,
    @Inject(metricSettings.token) { METRICS_TOKEN }: MetricSettings,
  ) {
    this.#token = METRICS_TOKEN;
    this.#publicHostname = new URL(PUBLIC_URL).hostname.toLowerCase();
    this.#isProxy = addressRanges(TRUST_PROXY);
  }

  /** Requires access. @throws {Problem} `unauthenticated` for a missing or wrong token, `not_found` for clients from outside. */
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
      // Browsers, and proxies that pass on a browser's `Host`, name the public host; a scraper names an address or an inside
      // host. On a developer's machine, the public host is the loopback host, so it is accepted.
      /^[\w.:[\]-]+$/.test(hostname) &&
      (hostname.toLowerCase().replace(/\.$/, '') !== this.#publicHostname ||
        isLoopbackHost(this.#publicHostname))
    );
  }
}

function isSame(one: string, other: string): boolean {
  // Compares digests, which have the same length, so that the time doesn't reveal the token's length either.
  return isSameText(digestOf(one), digestOf(other));
}
