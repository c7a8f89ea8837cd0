import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseJson } from '../../../platform/config/json.parser.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { requireIdentifier } from '../../../platform/core/account-identifier.js';
import { queryOf } from './query-limit.js';
import { readWholeBody } from './whole-body.js';

/** The parts of a form for Kratos that the gateway needs. */
export interface SubmittedForm {
  /** All its texts, by field name. */
  readonly fields: readonly Field[];
  /** The account that it names, folded. */
  readonly account: string | undefined;
  /** Id of the flow that it belongs to, in one spelling. */
  readonly flow: string | undefined;
  /** Names of all non-empty fields of any type, as Kratos' JSON decoder compares them: without case or look-alikes. */
  readonly names: ReadonlySet<string>;
  /** All methods that Kratos may take it for, in lower case: those that it says, and those that its fields are of. */
  readonly methods: ReadonlySet<string>;
  /** Whether it holds a second factor. */
  readonly hasSecondFactor: boolean;
}

/** Names under which Kratos takes an account. */
const accountFields = new Set(['identifier', 'password_identifier', 'email', 'traits.email']);
/** Characters of a field that Kratos puts into the flow, several times. */
const longestShown = 2048;
/** Fields that belong to one method of a login. Of some, Kratos takes the form for that method whatever else it says. */
const methodOfField: ReadonlyMap<string, string> = new Map([
  ['provider', 'oidc'],
  ['passkey_login', 'passkey'],
  ['webauthn_login', 'webauthn'],
  ['totp_code', 'totp'],
  ['lookup_secret', 'lookup_secret'],
]);
const secondFactorMethods = new Set(['totp', 'lookup_secret', 'webauthn']);
const readForms = new WeakMap<FastifyRequest, Promise<SubmittedForm>>();

const jsonForm = z.record(z.string(), z.unknown());
const nestedTraits = z.looseObject({ email: z.unknown() });

/**
 * Reads a form, which can still be passed on afterwards. Anything that Kratos might read differently is refused, or passed on as
 * it was read here. The account that is counted must be the account that is tried.
 * @throws {Problem} `identifier_refused`, `malformed_request`, `unsupported_media_type` or `payload_too_large`.
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
    throw malformed('Traits are given one by one.', 'traits_as_text');
  }
  if (fields.some(([name, value]) => value.length > longestShown && isShownAgain(spellingOf(name)))) {
    throw malformed('An address or a name is too long.', 'field_too_long');
  }
  const names = new Set([...filled, ...body.others].map(spellingOf));
  if ([...names].some((name) => name.startsWith('id_token'))) {
    // Kratos takes a native app's ID token in a browser's form, too. It logs its own owner in, whatever account the form names.
    throw malformed('An ID token is not accepted here.', 'id_token_given');
  }
  const values = (names: ReadonlySet<string>): string[] =>
    fields.flatMap(([name, value]) => (names.has(spellingOf(name)) && value !== '' ? [value] : []));
  const accounts = new Set(values(accountFields).map(requireIdentifier));
  const flows = new Set(values(new Set(['flow'])).map(flowIdOf));
  if (accounts.size > 1 || flows.size > 1) {
    throw malformed('Name one account.', 'two_accounts');
  }
  const [account] = accounts;
  const [flow] = flows;
  const methods = new Set([
    ...values(new Set(['method'])).map((method) => method.toLowerCase()),
    ...[...names].flatMap((name) => methodOfField.get(name) ?? []),
  ]);
  const hasSecondFactor = [...methods].some((method) => secondFactorMethods.has(method));
  return { fields, names, account, flow, methods, hasSecondFactor };
}

/**
 * A flow's id as Kratos writes it. It reads a UUID also without dashes, in braces, in capitals and as a URN, so one flow would have many
 * counts of guesses. What is no UUID stays as it is: it names no flow.
 */
function flowIdOf(text: string): string {
  const digits = text
    .toLowerCase()
    .replace('urn:uuid:', '')
    .replaceAll(/[^\da-f]/g, '');
  return digits.length === 32 ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : text;
}

const isShownAgain = (spelling: string): boolean =>
  accountFields.has(spelling) || spelling.startsWith('traits.') || spelling === 'to';

/** The spelling by which Kratos' JSON decoder compares names of fields: without case or look-alikes, such as `ſ` for `s`. */
export function spellingOf(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

interface FormBody {
  readonly fields: readonly Field[];
  /** Names of fields that aren't text. */
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
    throw malformed('A JSON object is needed.', 'form_unreadable');
  }
  // The proxy serialises it again: if a name was given twice, Kratos gets the value that was read here. Parameters of the type end here, and
  // the proxy fails at those that aren't well-formed.
  request.body = form.data;
  request.headers['content-type'] = type;
  const others = Object.keys(form.data).filter((name) => typeof form.data[name] !== 'string');
  return { fields: jsonFields(form.data), others };
}

type Field = readonly [name: string, value: string];

function jsonFields(form: Readonly<Record<string, unknown>>): Field[] {
  return Object.entries(form).flatMap(([name, value]): Field[] => {
    if (spellingOf(name) === 'traits' && typeof value !== 'string') {
      const traits = nestedTraits.safeParse(value);
      if (!traits.success) {
        throw malformed('Traits are an object.', 'traits_unreadable');
      }
      return textsIn('traits', traits.data);
    }
    // Kratos takes any other value for its JSON text.
    return [[name, typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value)]];
  });
}

/** The texts of an object and of those in it, by paths as names of fields are. */
function textsIn(path: string, content: object): Field[] {
  return Object.entries(content).flatMap(([name, value]): Field[] =>
    typeof value === 'string'
      ? [[`${path}.${name}`, value]]
      : typeof value === 'object' && value !== null && path === 'traits'
        ? textsIn(`${path}.${name}`, value)
        : [],
  );
}

function malformed(detail: string, reason: string): Problem {
  return new Problem('malformed_request', { detail, reason });
}
