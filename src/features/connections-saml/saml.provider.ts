import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Logger } from '@nestjs/common';
import { Agent, fetch } from 'undici';
import { isMetadata } from '../../platform/air-gap/air-gap-address.js';
import type { SamlConnectionSettings, SamlMetadataUrl } from './saml-connection.parser.js';
import { type SamlProviderFacts, readSamlMetadata } from './saml-metadata.js';
import { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import type { Fetch } from '../../platform/upstream/upstream-calls.js';
import { unavailable } from '../../platform/upstream/vendor-call.js';
import { wholeAnswer } from '../../platform/upstream/whole-answer.js';
import type { Clock } from '../../platform/time/clock.service.js';

/** Milliseconds for a whole document. */
const timeout = 5000;
/** Milliseconds after which metadata is read again, and between two tries while that fails. */
const refreshAfter = { read: 3_600_000, failed: 60_000 } as const;

/** Fails if a name leads to a cloud's metadata service, which gives credentials to any caller. */
const lookUpOutsideCloud: LookupFunction = (hostname, options, answer) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const isRefused = !error && addresses.some(({ address }) => isMetadata(address));
    answer(
      error ?? (isRefused ? new Error('the address is a cloud’s metadata service') : null),
      addresses ?? [],
    );
  });
};

/** What is known about a connection's SAML provider, whose metadata may be read from a URL. */
export class SamlProvider {
  readonly #logger = new Logger(SamlProvider.name);
  readonly #id: string;
  readonly #source: SamlConnectionSettings['source'];
  readonly #circuit: CircuitBreaker;
  readonly #call: Fetch | undefined;
  #facts: SamlProviderFacts | undefined;
  #reading: Promise<SamlProviderFacts> | undefined;
  /** Milliseconds since the epoch. */
  #refreshAt = 0;
  #triedAt = Number.NEGATIVE_INFINITY;

  /** @param call goes where an owner of an organisation may lead; undefined: where an operator may. */
  constructor(
    { id, source }: Pick<SamlConnectionSettings, 'id' | 'source'>,
    private readonly clock: Pick<Clock, 'now'>,
    call?: Fetch,
  ) {
    this.#call = call;
    this.#id = id;
    this.#source = source;
    this.#circuit = new CircuitBreaker(`connection_${id}`);
  }

  get entityId(): string {
    return this.#source.entityId;
  }

  /**
   * The facts; those of the metadata that was read last, if it can't be read now.
   * @throws {Problem} `provider_unavailable`, also once the provider no longer vouches for its metadata.
   */
  async facts(): Promise<SamlProviderFacts> {
    const source = this.#source;
    if (!('url' in source)) {
      return this.#requireValid(source);
    }
    const known = this.#facts;
    if (known === undefined || this.#hasExpired(known)) {
      return this.#refresh(source);
    }
    if (this.clock.now() >= this.#refreshAt) {
      // Logins don't wait for it.
      void this.#refresh(source).catch(() => undefined);
    }
    return known;
  }

  /** Reads a document from where metadata may be. */
  async read(url: string): Promise<string> {
    return fetchText(url, this.#call);
  }

  /** Reads the metadata now, if the last time was a while ago: for a signature by a key that isn't known yet. */
  async refreshed(): Promise<SamlProviderFacts> {
    const source = this.#source;
    if ('url' in source && this.clock.now() >= this.#triedAt + refreshAfter.failed) {
      return this.#refresh(source).catch(() => this.facts());
    }
    return this.facts();
  }

  #requireValid(facts: SamlProviderFacts): SamlProviderFacts {
    if (this.#hasExpired(facts)) {
      throw unavailable('saml_metadata_expired');
    }
    return facts;
  }

  #hasExpired({ validUntil }: SamlProviderFacts): boolean {
    return validUntil !== undefined && validUntil < this.clock.now();
  }

  async #refresh(source: SamlMetadataUrl): Promise<SamlProviderFacts> {
    this.#reading ??= this.#read(source).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read({ url, entityId }: SamlMetadataUrl): Promise<SamlProviderFacts> {
    this.#triedAt = this.clock.now();
    try {
      const facts = await this.#circuit.run(async () => readSamlMetadata(await this.read(url), entityId));
      this.#facts = this.#requireValid(facts);
      this.#refreshAt = this.clock.now() + refreshAfter.read;
      return this.#facts;
    } catch (error) {
      this.#refreshAt = this.clock.now() + refreshAfter.failed;
      this.#logger.warn('the metadata of a connection could not be read', {
        reason: 'saml_metadata_unreadable',
        connection: this.#id,
        err: error,
      });
      throw unavailable('saml_metadata_unreadable', error);
    }
  }
}

/** A document. No redirect is followed: it could lead to where the configuration may not. */
async function fetchText(url: string, call?: Fetch): Promise<string> {
  const headers = { accept: 'application/samlmetadata+xml, application/xml, text/xml' };
  if (call !== undefined) {
    const answer = await call(url, { headers, signal: AbortSignal.timeout(timeout) });
    requireRead(answer.status);
    return answer.text();
  }
  const dispatcher = new Agent({
    connections: 1,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    maxHeaderSize: 16_384,
    connect: { timeout, lookup: lookUpOutsideCloud },
  });
  try {
    const answer = await fetch(url, {
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout),
      dispatcher,
    });
    requireRead(answer.status);
    return await (await wholeAnswer(answer)).text();
  } finally {
    await dispatcher.destroy();
  }
}

function requireRead(status: number): void {
  if (status !== 200) {
    throw unavailable(`saml_metadata_status_${status}`);
  }
}
