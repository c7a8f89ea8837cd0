import { type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AuthError } from './auth.error.js';
import type { Actor, Claims } from './claims.js';
import { type ServerEvent, readEvents } from './event.stream.js';

/** How a verifier learns which tokens have ended before their time. */
export interface RevocationOptions {
  /** An administrator's API key with the scope `revocations:read`. */
  readonly key: string;
  /** What happens to tokens while the gateway can't be heard: they are accepted until they expire, or refused with 503. Default: `accept`. */
  readonly whenLost?: 'accept' | 'refuse';
  /** Seconds without a signed sign of life after which the gateway counts as lost, at least 10. Default: 15. */
  readonly lostAfter?: number;
  /** Is told when the gateway is heard, and when it is lost, with what went wrong last. Default: warns on the console when it is lost. */
  readonly onChange?: (state: 'heard' | 'lost', error?: unknown) => void;
}

interface FeedSettings extends RevocationOptions {
  readonly issuer: string;
  /** Address of the stream. */
  readonly uri: string;
  /** Seconds by which this clock and the gateway's may differ. */
  readonly clockTolerance: number;
  readonly fetch: typeof fetch;
  readonly findKey: JWTVerifyGetKey;
}

/** A place in what one process of the gateway tells. */
interface Place {
  readonly stream: string;
  readonly number: number;
}

/** Milliseconds between two attempts to connect: first, and at most. */
const [firstPause, longestPause] = [100, 5000];
/** Milliseconds after which a connection that ends was a good one: the next attempt needn't wait long. */
const goodAfter = 5000;
/** Seconds that a message may have been on its way: an older one is a repetition. */
const messageAge = 120;
/** Milliseconds that the first token waits for the first message. */
const firstWait = 3000;
/** What may be sent back in a header: an id isn't signed. */
const eventId = /^[!-~]{1,200}$/;
const apiKeyClientId = 'api-key';

/** Ended sessions and keys, and outdated tokens, as the gateway tells of them. Asking it costs two or three look-ups in memory, and two more for each actor. */
export class Revocations {
  readonly #settings: FeedSettings;
  readonly #aborted = new AbortController();
  #ended = new Set<string>();
  #endedEarlier = new Set<string>();
  /** Milliseconds since the epoch. */
  #generationStart = Date.now();
  #changed = new Map<string, number>();
  #everythingBefore = 0;
  #lastId: string | undefined;
  /** When the last sign of life came (milliseconds of a clock that isn't set), when it was issued (seconds since the epoch), and by which process. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #issuedAt = Number.NEGATIVE_INFINITY;
  #issuedBy = '';
  /** Up to where everything is known, and the numbers of messages behind it that have come. */
  #known: Place = { stream: '', number: 0 };
  #received = new Set<number>();
  #receivedFrom = '';
  #state: 'heard' | 'lost' | undefined;
  #first: Promise<void> | undefined;
  /** The snapshot that is being read, and the parts of it that have come. */
  #snapshot: { readonly id: unknown; readonly count: unknown; readonly parts: Set<unknown> } = {
    id: undefined,
    count: 0,
    parts: new Set(),
  };
  /** Whether all parts of a snapshot have come: until then not everything is known. */
  #isComplete = false;
  #error: unknown;

  constructor(settings: FeedSettings) {
    this.#settings = settings;
  }

  /** Whether {@link ready} has nothing to wait for: everything that had ended was heard once. */
  get isHeard(): boolean {
    return this.#heardAt > 0;
  }

  /** Waits for the first message, for a while. Returns at once when there was one. */
  ready(): Promise<void> {
    this.#first ??= new Promise((resolve) => {
      const timer = setTimeout(resolve, firstWait);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#aborted.signal.addEventListener('abort', done);
      void this.#listen(done);
    });
    return this.#first;
  }

  /** Stops listening. */
  close(): void {
    this.#aborted.abort();
  }

  /** Whether this session or API key has ended by itself, not with all sessions. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id) || this.#endedEarlier.has(id);
  }

  /** @returns why a token isn't accepted any more; undefined for one that is live. @throws {AuthError} `revocations_unknown` */
  reasonAgainst({ sid, sub, org, act, jti, client_id }: Claims): string | undefined {
    this.#requireHeard();
    // A token exchanged for an API key's or a service's token begins anew each time; a session begins once.
    const isOfSession = client_id !== apiKeyClientId && sid !== sub;
    const began = timestampOf(isOfSession ? sid : jti);
    if (this.hasEnded(sid) || began < this.#everythingBefore) {
      return 'session_ended';
    }
    const changedAt = Math.max(
      this.#changed.get(sub) ?? 0,
      org === undefined ? 0 : (this.#changed.get(org.id) ?? 0),
    );
    if (changedAt > 0 && timestampOf(jti) < changedAt) {
      return 'token_outdated';
    }
    return act === undefined ? undefined : this.#reasonAgainstActors(act, jti);
  }

  /** @param jti of the token, for actors whose own isn't named. */
  #reasonAgainstActors(act: Actor, jti: string): string | undefined {
    for (let actor: Actor | undefined = act; actor !== undefined; actor = actor.act) {
      const readAt = timestampOf(actor.jti ?? jti);
      if ((actor.sid !== undefined && this.hasEnded(actor.sid)) || readAt < this.#everythingBefore) {
        return 'session_ended';
      }
      if (readAt < (this.#changed.get(actor.sub) ?? 0)) {
        return 'token_outdated';
      }
    }
    return undefined;
  }

  #requireHeard(): void {
    const { whenLost = 'accept' } = this.#settings;
    if (this.#isLost() && whenLost === 'refuse') {
      throw new AuthError('revocations_unknown', {
        reason: 'revocations_lost',
        headers: { 'retry-after': '1' },
      });
    }
  }

  #isLost(): boolean {
    const { lostAfter = 15, clockTolerance } = this.#settings;
    const isLost =
      performance.now() - this.#heardAt > lostAfter * 1000 ||
      // Whatever held it up on its way.
      Date.now() / 1000 - this.#issuedAt > lostAfter + clockTolerance;
    const state = isLost ? 'lost' : 'heard';
    if (state !== this.#state) {
      this.#state = state;
      try {
        const { onChange = warn } = this.#settings;
        onChange(state, isLost ? (this.#error ?? new TypeError('no sign of life was heard')) : undefined);
      } catch {
        // It is the listener's own, and refuses no token.
      }
    }
    return isLost;
  }

  /** Reads the stream, and connects again whenever it ends, until this is closed. */
  async #listen(onFirst: () => void): Promise<void> {
    let pause = firstPause;
    while (!this.#aborted.signal.aborted) {
      const begun = performance.now();
      try {
        await this.#read(onFirst);
      } catch (error) {
        this.#error = error;
      }
      pause = performance.now() - begun > goodAfter ? firstPause : Math.min(pause * 2, longestPause);
      // Some sooner and some later: many services may have lost the same gateway.
      await this.#wait(pause * (0.5 + Math.random() / 2));
      this.#isLost();
    }
  }

  /** Reads one connection to its end. */
  async #read(onFirst: () => void): Promise<void> {
    const { lostAfter = 15 } = this.#settings;
    let signedAt = performance.now();
    let lastId = this.#lastId;
    // After a connection that brings nothing, or what can't be believed, the next one begins with everything.
    this.#lastId = undefined;
    for await (const { id, data } of this.#events(lastId)) {
      if (data !== '') {
        this.#lastId = undefined;
        await this.#apply(data);
        signedAt = performance.now();
        if (this.#isComplete) {
          lastId = eventId.test(id) ? id : lastId;
          this.#lastId = lastId;
        }
      } else if (performance.now() - signedAt > lostAfter * 1000) {
        throw new TypeError('nothing that is signed was heard');
      }
      if (this.isHeard && !this.#isLost()) {
        onFirst();
      }
    }
  }

  /** Waits, unless this is closed. */
  async #wait(milliseconds: number): Promise<void> {
    const { signal } = this.#aborted;
    if (signal.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done);
    });
  }

  async *#events(lastId: string | undefined): AsyncGenerator<ServerEvent> {
    const { uri, key, fetch, lostAfter = 15 } = this.#settings;
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    const silence = lostAfter * 1000;
    const timer = setTimeout(abort, silence);
    this.#aborted.signal.addEventListener('abort', abort);
    try {
      const answer = await fetch(uri, {
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${key}`,
          ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
        },
        redirect: 'manual',
        signal: attempt.signal,
      });
      clearTimeout(timer);
      if (answer.status !== 200 || answer.body === null) {
        throw new TypeError(`${uri} answered ${answer.status}`);
      }
      yield* readEvents(answer.body, silence);
    } finally {
      clearTimeout(timer);
      this.#aborted.signal.removeEventListener('abort', abort);
    }
  }

  async #apply(token: string): Promise<void> {
    const { issuer, findKey } = this.#settings;
    const { payload } = await jwtVerify(token, findKey, {
      issuer,
      typ: 'revocations+jwt',
      algorithms: ['ES256', 'EdDSA'],
      requiredClaims: ['iat'],
      maxTokenAge: messageAge,
      clockTolerance: 60,
    });
    const { iat = 0, snapshot, keep, ended, changed, everything_before: everythingBefore } = payload;
    const { stream, number, told } = payload;
    if (
      typeof keep !== 'number' ||
      typeof ended !== 'string' ||
      !Array.isArray(changed) ||
      typeof everythingBefore !== 'number'
    ) {
      throw new TypeError('a message of another form');
    }
    this.#rotate(keep * 1000);
    for (const id of idsIn(ended)) {
      this.#ended.add(id);
    }
    for (const [id, before] of changed) {
      this.#changed.set(String(id), Math.max(Number(before), this.#changed.get(String(id)) ?? 0));
    }
    this.#everythingBefore = Math.max(this.#everythingBefore, everythingBefore);
    this.#count(snapshot);
    if (typeof stream !== 'string') {
      return;
    }
    this.#follow(stream, { number, told, isPart: snapshot !== undefined });
    // A part of a snapshot is no sign: what it tells is older than its signature. Another process has a clock of its own.
    const isSign = typeof told === 'number' && snapshot === undefined;
    if (isSign && (stream !== this.#issuedBy || iat > this.#issuedAt)) {
      this.#heardAt = performance.now();
      this.#issuedAt = iat;
      this.#issuedBy = stream;
    }
  }

  /** Takes account of a message's place. @throws when another was held back. */
  #follow(
    stream: string,
    { number, told, isPart }: { readonly number: unknown; readonly told: unknown; readonly isPart: boolean },
  ): void {
    if (typeof number === 'number') {
      if (stream !== this.#receivedFrom) {
        this.#receivedFrom = stream;
        this.#received.clear();
      }
      this.#received.add(number);
    }
    if (typeof told !== 'number' || (isPart && !this.#isComplete)) {
      return;
    }
    if (isPart && stream !== this.#known.stream) {
      this.#known = { stream, number: told };
    }
    let upTo = isPart ? Math.max(this.#known.number, told) : this.#known.number;
    while (stream === this.#receivedFrom && this.#received.has(upTo + 1)) {
      upTo += 1;
    }
    if (!this.#isComplete || stream !== this.#known.stream || upTo < told) {
      throw new TypeError('a message was held back');
    }
    this.#known = { stream, number: upTo };
    this.#received = new Set([...this.#received].filter((each) => each > upTo));
  }

  /** Takes account of the part of a snapshot that a message is, if it is one. */
  #count(snapshot: unknown): void {
    if (typeof snapshot !== 'object' || snapshot === null) {
      return;
    }
    const { id, part, parts } = snapshot as { id?: unknown; part?: unknown; parts?: unknown };
    const isPart =
      typeof id === 'string' &&
      Number.isSafeInteger(part) &&
      Number.isSafeInteger(parts) &&
      Number(part) >= 1 &&
      Number(part) <= Number(parts);
    if (!isPart || (id === this.#snapshot.id && parts !== this.#snapshot.count)) {
      throw new TypeError('a part of another form');
    }
    if (id !== this.#snapshot.id) {
      this.#snapshot = { id, count: parts, parts: new Set() };
      this.#isComplete = false;
    }
    this.#snapshot.parts.add(part);
    this.#isComplete ||= this.#snapshot.parts.size === this.#snapshot.count;
  }

  /** Drops what ended so long ago that no token of it lives. */
  #rotate(keep: number): void {
    if (Date.now() < this.#generationStart + keep) {
      return;
    }
    this.#generationStart = Date.now();
    this.#endedEarlier = this.#ended;
    this.#ended = new Set();
    this.#changed = new Map([...this.#changed].filter(([, before]) => before > Date.now() - keep));
  }
}

const digits = new TextEncoder().encode('0123456789abcdef');
const dash = 45;

/** Ids, 16 bytes each in base64url → their text form. Each is decoded as a whole: a text that is put together takes five times the memory. */
function* idsIn(encoded: string): Generator<string> {
  const bytes = atob(encoded.replaceAll('-', '+').replaceAll('_', '/'));
  const decoder = new TextDecoder();
  const text = new Uint8Array(36).fill(dash);
  for (let offset = 0; offset + 16 <= bytes.length; offset += 16) {
    let place = 0;
    for (let index = offset; index < offset + 16; index += 1) {
      const byte = bytes.charCodeAt(index);
      text[place] = digits[byte >> 4] ?? 0;
      text[place + 1] = digits[byte & 15] ?? 0;
      place += 2;
      if (place === 8 || place === 13 || place === 18 || place === 23) {
        place += 1;
      }
    }
    yield decoder.decode(text);
  }
}

/** A refused key or a wrong address must not go unnoticed: ended sessions would be accepted until their tokens expire. */
function warn(state: 'heard' | 'lost', error?: unknown): void {
  if (state === 'lost') {
    // oxlint-disable-next-line no-console -- A service that wants its own log passes onChange.
    console.warn(
      'vestibule: ended sessions are not heard of:',
      error instanceof Error ? error.message : error,
    );
  }
}

/** The time in a UUID v7, in milliseconds since the epoch (RFC 9562 section 5.7). */
function timestampOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
