import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { SecretBox } from '../core/secret.box.js';
import { readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

/** Seconds for which a draft is shown again. */
const lifetime = 600;
/** What people type into Kratos' forms that is no secret: no password, no code, no token. */
const draftable = /^(?:identifier|email|traits\.[\w.-]{1,64})$/;
/** Characters of one value, and of all: the cookie must stay small. */
const maximumValue = 200;
const maximumTotal = 1500;

const formPath = /^\/ory\/kratos\/self-service\/(?:login|registration|recovery|verification|settings)$/;

const draftSchema = z.object({
  flow: z.string(),
  fields: z.record(z.string(), z.string()),
  /** Seconds since the epoch. */
  expiresAt: z.number(),
});

/**
 * What was typed into a form whose flow was over: Kratos answers with a new flow and an empty form, and this keeps the
 * fields for it, in an encrypted cookie of the browser.
 */
@Injectable()
export class FormDrafts {
  readonly #jar: CookieJar;
  readonly #clock: Clock;
  readonly #box: SecretBox;
  readonly #publicUrl: string;
  /** Forms on their way to Kratos. */
  readonly #forms = new WeakMap<FastifyRequest, SubmittedForm>();

  constructor(jar: CookieJar, clock: Clock, @Inject(CONFIGURATION) { SECRETS, PUBLIC_URL }: Configuration) {
    this.#jar = jar;
    this.#clock = clock;
    this.#publicUrl = PUBLIC_URL;
    this.#box = new SecretBox(SECRETS, 'form-draft');
  }

  /** Reads a browser's form that is about to be passed on. @throws {Problem} as {@link readSubmittedForm}. */
  async watch(request: FastifyRequest, path: string): Promise<void> {
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    if (request.method === 'POST' && isForm === true && formPath.test(path)) {
      this.#forms.set(request, await readSubmittedForm(request));
    }
  }

  /** Keeps the form's fields when Kratos answers with another flow than the form was of. For an `onSend` hook. */
  keep(request: FastifyRequest, reply: FastifyReply, location: string): void {
    const form = this.#forms.get(request);
    const flow = this.#flowIn(location);
    if (form === undefined || flow === undefined || flow === form.flow) {
      return;
    }
    const typed = form.fields.filter(
      ([name, value]) => draftable.test(name) && value !== '' && value.length <= maximumValue,
    );
    const length = typed.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (typed.length === 0 || length > maximumTotal) {
      return;
    }
    const draft = { flow, fields: Object.fromEntries(typed), expiresAt: this.#clock.seconds() + lifetime };
    this.#jar.set(reply, this.#name, this.#box.seal(JSON.stringify(draft)), lifetime);
  }

  /** The fields that were kept for this flow, by name. */
  find(request: FastifyRequest, flow: string): ReadonlyMap<string, string> {
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    const text = sealed === undefined ? undefined : this.#box.open(sealed);
    if (text === undefined) {
      return new Map();
    }
    const draft = draftSchema.parse(JSON.parse(text));
    const isLive = draft.flow === flow && draft.expiresAt >= this.#clock.seconds();
    return new Map(isLive ? Object.entries(draft.fields) : []);
  }

  /** Id of the flow that a redirect to one of our pages is for. */
  #flowIn(location: string): string | undefined {
    const url = URL.canParse(location) ? new URL(location) : undefined;
    const isOurs = url?.origin === this.#publicUrl && url.pathname.startsWith('/ui/');
    return isOurs ? (url.searchParams.get('flow') ?? undefined) : undefined;
  }

  get #name(): string {
    return this.#jar.name('vestibule-draft');
  }
}
