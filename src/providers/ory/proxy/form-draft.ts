import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { readSingleCookie } from '../../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../../platform/http/cookie-writer.js';
import { type FormRefusal, formRefusalSchema } from './refusal-message.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

/** Seconds for which a draft is kept. */
const lifetime = 600;
/** Fields of Kratos' forms that hold no secret: no password, no code, no token. */
const draftable = /^(?:identifier|email|traits\.[\w.-]{1,64})$/;
/** Maximum characters of one value, and of all fields together, because the cookie must stay small. */
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

/** The kept data of a form, which the flow's page shows again. */
export interface FormDraft {
  /** Typed values by field name. */
  readonly fields: ReadonlyMap<string, string>;
  /** Why the gateway sent the form back. */
  readonly refused: FormRefusal | undefined;
}

const noDraft: FormDraft = { fields: new Map(), refused: undefined };

/**
 * Keeps what was typed into a form that is shown again, in an encrypted cookie of the browser. Kratos answers with an empty form
 * if the flow has expired, or if the address of a new account is taken. The gateway itself refuses forms, too.
 */
@Injectable()
export class FormDrafts {
  readonly #cipher: PurposeCipher;
  readonly #publicUrl: string;
  /** Forms that are being passed on to Kratos. */
  readonly #forms = new WeakMap<FastifyRequest, SubmittedForm>();

  constructor(
    private readonly cookies: CookieWriter,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS, PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
    this.#cipher = new PurposeCipher(SECRETS, 'form-draft');
  }

  /** Reads a browser's form that is about to be passed on. @throws {Problem} as {@link readSubmittedForm}. */
  async watch(request: FastifyRequest, path: string): Promise<void> {
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    if (request.method === 'POST' && isForm === true && formPath.test(path)) {
      this.#forms.set(request, await readSubmittedForm(request));
    }
  }

  /** Keeps the form's fields if Kratos answers with an empty form. For an `onSend` hook. */
  keep(request: FastifyRequest, reply: FastifyReply, location: string): void {
    const form = this.#forms.get(request);
    // Undefined if the gateway itself redirects, because it redirects to a path.
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

  /** Keeps the fields of a form that is sent back, and the reason, for the same flow's page. */
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
      this.cookies.clear(reply, this.#name);
    }
  }

  /** The draft that was kept for this flow. */
  find(request: FastifyRequest, flow: string): FormDraft {
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    const text = sealed === undefined ? undefined : this.#cipher.decrypt(sealed);
    if (text === undefined) {
      return noDraft;
    }
    const draft = draftSchema.parse(JSON.parse(text));
    const isLive = draft.flow === flow && draft.expiresAt >= this.clock.seconds();
    return isLive ? { fields: new Map(Object.entries(draft.fields)), refused: draft.refused } : noDraft;
  }

  #set(reply: FastifyReply, draft: Omit<z.output<typeof draftSchema>, 'expiresAt'>): void {
    const text = JSON.stringify({ ...draft, expiresAt: this.clock.seconds() + lifetime });
    this.cookies.set(reply, this.#name, this.#cipher.encrypt(text), lifetime);
  }

  /** Id of the flow that a redirect to one of our pages is for. */
  #flowIn(location: string): string | undefined {
    const url = URL.canParse(location) ? new URL(location) : undefined;
    const isOurs = url?.origin === this.#publicUrl && url.pathname.startsWith('/ui/');
    return isOurs ? (url.searchParams.get('flow') ?? undefined) : undefined;
  }

  get #name(): string {
    return this.cookies.name('vestibule-draft');
  }
}

function draftableFields({ fields }: SubmittedForm): Record<string, string> {
  const typed = fields.filter(
    ([name, value]) => draftable.test(name) && value !== '' && value.length <= maximumValue,
  );
  const length = typed.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return length > maximumTotal ? {} : Object.fromEntries(typed);
}
