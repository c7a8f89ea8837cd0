import type { LookupFunction } from 'node:net';
import { Agent, fetch } from 'undici';
import { isPublicHost, lookUpPublic } from '../air-gap/public-address.js';
import type { OryConfiguration } from '../config/configuration.js';
import type { Fetch } from './upstream-calls.js';
import { libraryTimeout } from './vendor-call.js';
import { wholeAnswer } from './whole-answer.js';

/** A URL leads where an owner of an organisation must not send the gateway. */
export class ForbiddenHostError extends Error {
  override readonly name = 'ForbiddenHostError';
}

/** Ports of URLs without one. */
const defaultPorts: Readonly<Record<string, string>> = {
  'https:': '443',
  'http:': '80',
  'ldaps:': '636',
  'ldap:': '389',
};
const limits = {
  connections: 10,
  headersTimeout: libraryTimeout,
  bodyTimeout: libraryTimeout,
  maxHeaderSize: 16_384,
};

/** What decides where connections of organisations may lead. */
export type ChosenHostSettings = Pick<OryConfiguration, 'PUBLIC_URL' | 'AIR_GAPPED' | 'ORG_CONNECTION_HOSTS'>;

/**
 * Calls to servers that owners of organisations choose. They may lead only to public addresses over TLS, and to the hosts that the
 * operator names (`ORG_CONNECTION_HOSTS`). Addresses of names are judged when the connection is made. A redirect isn't followed, and an
 * answer that is too long isn't read.
 */
export class ChosenHosts {
  readonly #publicUrl: string;
  readonly #airGapped: boolean;
  readonly #allowed: ReadonlySet<string>;
  readonly #outside: Agent;
  readonly #named: Agent;

  /** @param ca authorities that are trusted in place of the usual ones, PEM. */
  constructor({ PUBLIC_URL, AIR_GAPPED, ORG_CONNECTION_HOSTS }: ChosenHostSettings, ca?: string) {
    const tls = { timeout: libraryTimeout, ...(ca === undefined ? {} : { ca }) };
    this.#outside = new Agent({ ...limits, connect: { ...tls, lookup: lookUpPublic } });
    this.#named = new Agent({ ...limits, connect: tls });
    this.#publicUrl = PUBLIC_URL;
    this.#airGapped = AIR_GAPPED;
    this.#allowed = new Set(ORG_CONNECTION_HOSTS);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.#outside.destroy(), this.#named.destroy()]);
  }

  /** Why a URL leads nowhere; undefined if it may be called. What its name leads to is known only at the connection. */
  faultOf(given: string): string | undefined {
    const { protocol, host, hostname, port, origin } = new URL(given);
    if (this.#allowed.has(host) || this.#allowed.has(`${hostname}:${port || defaultPorts[protocol]}`)) {
      return undefined;
    }
    if (protocol === 'http:') {
      return 'must begin with https://';
    }
    return this.#airGapped || !isPublicHost(hostname) || hostname.endsWith('.') || origin === this.#publicUrl
      ? 'leads to a host that is not public; an administrator can allow it (ORG_CONNECTION_HOSTS)'
      : undefined;
  }

  /**
   * How a connection to a server looks its name up.
   * @returns undefined for one that the operator names, which may have any address.
   * @throws {ForbiddenHostError} for a URL that leads nowhere.
   */
  lookupFor(url: string): LookupFunction | undefined {
    const fault = this.faultOf(url);
    if (fault !== undefined) {
      throw new ForbiddenHostError(`the URL ${fault}`);
    }
    const { host, hostname, port, protocol } = new URL(url);
    return this.#allowed.has(host) || this.#allowed.has(`${hostname}:${port || defaultPorts[protocol]}`)
      ? undefined
      : lookUpPublic;
  }

  /** A `fetch` that goes only where it may. */
  readonly fetch: Fetch = async (url, { method = 'GET', headers, body, signal }) => {
    const answer = await fetch(url, {
      method,
      headers: [...new Headers(headers)],
      body: body instanceof Uint8Array ? body : typeof body === 'string' ? body : textOf(body),
      redirect: 'manual',
      signal: signal ?? null,
      dispatcher: this.lookupFor(url) === undefined ? this.#named : this.#outside,
    });
    return wholeAnswer(answer);
  };
}

/** The text of a form; null without one. */
function textOf(body: unknown): string | null {
  return body instanceof URLSearchParams ? body.toString() : null;
}
