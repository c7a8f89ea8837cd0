import { Inject, Injectable } from '@nestjs/common';
import { Agent, type Response, fetch } from 'undici';
import { isPublicHost, lookUpPublic } from '../../../platform/air-gap/public-address.js';
import type { SettingsOf } from '../../../platform/features/feature.js';
import { signalSettings } from '../signal.settings.js';
import { Problem } from '../../../platform/errors/problem.error.js';

/** Milliseconds that a receiver may take to answer. */
const timeout = 10_000;
const limits = { connections: 10, headersTimeout: timeout, bodyTimeout: timeout };

/** A receiver's address leads where nothing may be sent. */
class ForbiddenEndpointError extends Error {
  override readonly name = 'ForbiddenEndpointError';
}

/**
 * Addresses of receivers to which events are pushed. A caller chooses them, so that they may lead only to public addresses over TLS,
 * and to the hosts that the operator names (`SIGNAL_PUSH_HOSTS`). Addresses of names are judged when the connection is made.
 */
@Injectable()
export class PushEndpoints {
  readonly #allowed: ReadonlySet<string>;
  readonly #outside: Agent;
  readonly #named = new Agent(limits);

  constructor(@Inject(signalSettings.token) { SIGNAL_PUSH_HOSTS }: SettingsOf<typeof signalSettings>) {
    this.#allowed = new Set(SIGNAL_PUSH_HOSTS);
    this.#outside = new Agent({ ...limits, connect: { timeout, lookup: lookUpPublic } });
  }

  /** Ends what is being sent. */
  async close(): Promise<void> {
    await Promise.all([this.#outside.destroy(), this.#named.destroy()]);
  }

  /** @throws {Problem} `validation_failed`, for an address to which nothing may be sent. */
  require(url: string): void {
    try {
      this.#judge(url);
    } catch (error) {
      throw new Problem('validation_failed', {
        detail: error instanceof Error ? error.message : 'It is not a URL.',
        reason: 'endpoint_forbidden',
        cause: error,
      });
    }
  }

  /**
   * Sends a security event token (RFC 8935 section 2).
   * @returns the status of the answer, and the beginning of its text. @throws if there is none.
   */
  async send(
    url: string,
    token: string,
    authorization: string | undefined,
  ): Promise<{ status: number; text: string }> {
    const isNamed = this.#judge(url);
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/secevent+jwt',
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: token,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
      dispatcher: isNamed ? this.#named : this.#outside,
    });
    return { status: answer.status, text: await beginningOf(answer) };
  }

  /** @returns whether the operator names the host. @throws if nothing may be sent to the address. */
  #judge(url: string): boolean {
    const { protocol, hostname, host, username, password } = new URL(url);
    if (username !== '' || password !== '') {
      throw new ForbiddenEndpointError('Credentials belong into authorization_header.');
    }
    const isNamed = this.#allowed.has(host);
    if (protocol !== 'https:' && !(isNamed && protocol === 'http:')) {
      throw new ForbiddenEndpointError('The address must begin with https://.');
    }
    if (isNamed) {
      return true;
    }
    if (!isPublicHost(hostname)) {
      throw new ForbiddenEndpointError('The address is not public, and SIGNAL_PUSH_HOSTS does not name it.');
    }
    return false;
  }
}

/** The first kilobyte of an answer, or somewhat more: a receiver may send any number. */
async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body ?? []) {
    text += decoder.decode(bytes);
    if (text.length > 1024) {
      break;
    }
  }
  return text.slice(0, 1024);
}
