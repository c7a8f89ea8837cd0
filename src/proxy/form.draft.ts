import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { SecretBox } from '../core/secret.box.js';
import { readSingleCookie } from '../http/cookie.reader.js';
import { CookieJar } from '../http/cookie.writer.js';
import { type FormRefusal, formRefusalSchema } from './refusal.message.js';
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
  /** Why the gateway itself sent the form back. */
  refused: formRefusalSchema.optional(),
  /** Seconds since the epoch. */
  expiresAt: z.number(),
});

/** What a flow's page adds to the flow. */
export interface FormDraft {
  /** What was typed, by name. */
  readonly fields: ReadonlyMap<string, string>;
  /** Why the gateway sent it back. */
  readonly refused: FormRefusal | undefined;
}

const noDraft: FormDraft = { fields: new Map(), refused: undefined };

/**
 * What was typed into a form that comes back: because its flow had expired or the address of a new account is taken, and Kratos
 * answers with an empty form, or because the gateway refused it. Kept in an encrypted cookie of the browser.
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
    // Undefined where the gateway itself redirects, to a path.
    const flow = this.#flowIn(location);
    if (form === undefined || flow === undefined) {
      return;
    }
    // Kratos empties a registration's form when the address is taken already.
    const isEmptied = flow !== form.flow || new URL(location).pathname === '/ui/registration';
    if (!isEmptied) {
      return;
    }
    const fields = draftableFields(form);
    if (Object.keys(fields).length > 0) {
      this.#set(reply, { flow, fields });
    }
  }

  /** Keeps the fields of a form that is sent back, and why, for the same flow's page. */
  refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    form: SubmittedForm,
    flow: string,
    refused: FormRefusal,
  ): void {
    this.#forms.delete(request);
    this.#set(reply, { flow, fields: draftableFields(form), refused });
  }

  /** Forgets a refusal once its form was passed on: from now on Kratos states what is wrong. For an `onSend` hook. */
  settle(request: FastifyRequest, reply: FastifyReply): void {
    const flow = this.#forms.get(request)?.flow;
    if (flow !== undefined && this.find(request, flow).refused !== undefined) {
      this.#jar.clear(reply, this.#name);
    }
  }

  /** What was kept for this flow. */
  find(request: FastifyRequest, flow: string): FormDraft {
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    const text = sealed === undefined ? undefined : this.#box.open(sealed);
    if (text === undefined) {
      return noDraft;
    }
    const draft = draftSchema.parse(JSON.parse(text));
    const isLive = draft.flow === flow && draft.expiresAt >= this.#clock.seconds();
    return isLive ? { fields: new Map(Object.entries(draft.fields)), refused: draft.refused } : noDraft;
  }

  #set(reply: FastifyReply, draft: Omit<z.output<typeof draftSchema>, 'expiresAt'>): void {
    const text = JSON.stringify({ ...draft, expiresAt: this.#clock.seconds() + lifetime });
    this.#jar.set(reply, this.#name, this.#box.seal(text), lifetime);
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

function draftableFields({ fields }: SubmittedForm): Record<string, string> {
  const typed = fields.filter(
    ([name, value]) => draftable.test(name) && value !== '' && value.length <= maximumValue,
  );
  const length = typed.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return length > maximumTotal ? {} : Object.fromEntries(typed);
}
