import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../core/problem.error.js';
import { accountOf } from '../limits/limit.keys.js';
import { queryOf } from './query.limit.js';
import { readWholeBody } from './whole.body.js';

/** What we need to know of a form for Kratos. */
export interface SubmittedForm {
  /** Everything in it, by name. */
  readonly fields: readonly (readonly [string, string])[];
  /** The account that is named, in its one spelling. */
  readonly account: string | undefined;
  /** Id of the flow that it belongs to. */
  readonly flow: string | undefined;
  /** Names of all that isn't empty, of whatever type it is, as Kratos' JSON decoder compares them: without case or look-alikes. */
  readonly names: ReadonlySet<string>;
  /** Whether it holds what a second factor is proven by. */
  readonly hasSecondFactor: boolean;
}

/** Names under which Kratos takes an account; compared without case, as its JSON decoder does. */
const accountFields = new Set(['identifier', 'password_identifier', 'email', 'traits.email']);
const secondFactorFields = new Set(['totp_code', 'lookup_secret', 'webauthn_login']);
const secondFactorMethods = new Set(['totp', 'lookup_secret', 'webauthn']);
const readForms = new WeakMap<FastifyRequest, Promise<SubmittedForm>>();

const jsonForm = z.record(z.string(), z.unknown());
const nestedTraits = z.looseObject({ email: z.unknown() });

/**
 * Reads a form and leaves it to be passed on. What Kratos might read in another way than we do is refused or passed on as we
 * have read it: the account that is counted must be the account that is tried.
 * @throws {Problem} `malformed_request`, `unsupported_media_type` or `payload_too_large`.
 */
export async function readSubmittedForm(request: FastifyRequest): Promise<SubmittedForm> {
  const form = readForms.get(request) ?? readOnce(request);
  readForms.set(request, form);
  return form;
}

async function readOnce(request: FastifyRequest): Promise<SubmittedForm> {
  const query = [...new URLSearchParams(queryOf(request.url))];
  const body = await readBody(request);
  const fields = [...query, ...body.fields];
  const filled = fields.flatMap(([name, value]) => (value === '' ? [] : [name]));
  if (fields.some(([name]) => spellingOf(name) === 'traits')) {
    throw new Problem('malformed_request', {
      detail: 'Traits are given one by one.',
      reason: 'traits_as_text',
    });
  }
  const names = new Set([...filled, ...body.others].map(spellingOf));
  const values = (names: ReadonlySet<string>): string[] =>
    fields.flatMap(([name, value]) => (names.has(name.toLowerCase()) && value !== '' ? [value] : []));
  const accounts = new Set(values(accountFields).map(accountOf));
  const flows = new Set(values(new Set(['flow'])));
  if (accounts.size > 1 || flows.size > 1) {
    throw new Problem('malformed_request', { detail: 'Name one account.', reason: 'two_accounts' });
  }
  const [account] = accounts;
  const [flow] = flows;
  const hasSecondFactor =
    values(secondFactorFields).length > 0 ||
    values(new Set(['method'])).some((method) => secondFactorMethods.has(method.toLowerCase()));
  return { fields, names, account, flow, hasSecondFactor };
}

/** How Kratos' JSON decoder compares names: without case or look-alikes. */
const spellingOf = (name: string): string => name.normalize('NFKC').toLowerCase();

interface FormBody {
  readonly fields: readonly (readonly [string, string])[];
  /** Names of what is no text. */
  readonly others: readonly string[];
}

async function readBody(request: FastifyRequest): Promise<FormBody> {
  if (!(request.body instanceof Readable)) {
    return { fields: [], others: [] };
  }
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const isForm = type === 'application/x-www-form-urlencoded';
  if (!isForm && type !== 'application/json') {
    throw new Problem('unsupported_media_type', { reason: 'form_type' });
  }
  const bytes = await readWholeBody(request.body);
  if (isForm) {
    request.body = Readable.from([bytes], { objectMode: false });
    return { fields: [...new URLSearchParams(bytes.toString('utf8'))], others: [] };
  }
  const form = jsonForm.safeParse(parseJson(bytes.toString('utf8')));
  if (!form.success) {
    throw new Problem('malformed_request', { detail: 'A JSON object is needed.', reason: 'form_unreadable' });
  }
  // Written anew by the proxy: of a name that was given twice, Kratos sees the value that we see.
  request.body = form.data;
  const others = Object.entries(form.data).flatMap(([name, value]) =>
    typeof value === 'string' ? [] : [name],
  );
  return { fields: jsonFields(form.data), others };
}

function jsonFields(form: Readonly<Record<string, unknown>>): (readonly [string, string])[] {
  return Object.entries(form).flatMap(([name, value]): (readonly [string, string])[] => {
    if (spellingOf(name) === 'traits' && typeof value !== 'string') {
      const traits = nestedTraits.safeParse(value);
      if (!traits.success) {
        throw new Problem('malformed_request', {
          detail: 'Traits are an object.',
          reason: 'traits_unreadable',
        });
      }
      return Object.entries(traits.data).flatMap(([trait, content]): (readonly [string, string])[] =>
        typeof content === 'string' ? [[`traits.${trait}`, content]] : [],
      );
    }
    return typeof value === 'string' ? [[name, value]] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
