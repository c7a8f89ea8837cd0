import { z } from 'zod';
import {
  codeGrantType,
  deviceGrantType,
  exchangeGrantType,
  tokenTypes,
} from '../../session/tokens/token-types.js';
import { oauthErrorCodes } from '../../session/tokens/oauth.error.js';

const issuedTypes = [tokenTypes.accessToken, tokenTypes.jwt] as const;
const actorTypes = [tokenTypes.accessToken, tokenTypes.jwt, tokenTypes.apiKey] as const;
const subjectTypes = [tokenTypes.accessToken, tokenTypes.jwt, tokenTypes.apiKey, tokenTypes.session] as const;

const token = z.string().max(8192);
const targets = z.union([z.string().transform((target) => [target]), z.array(z.string())]);

/** Parameters without a value count as left out, unknown ones are ignored (RFC 6749 section 3.2). */
const withoutEmpty = z
  .record(z.string(), z.unknown())
  .transform((form) => Object.fromEntries(Object.entries(form).filter(([, value]) => value !== '')));

/** The part of the form that selects the grant. */
export const grantSchema = withoutEmpty.pipe(z.object({ grant_type: z.string() }));

/** The form of a token exchange (RFC 8693 section 2.1, and `org`). A parameter that is given twice is invalid. */
export const exchangeFormSchema = withoutEmpty.pipe(
  z.object({
    subject_token: token.optional(),
    subject_token_type: z.enum(subjectTypes),
    actor_token: token.optional(),
    actor_token_type: z.enum(actorTypes).optional(),
    requested_token_type: z.enum(issuedTypes).default(tokenTypes.accessToken),
    scope: z.string().max(2000).optional(),
    audience: targets.default([]),
    resource: targets.default([]),
    org: z.string().max(200).optional(),
    /** Of the machine that a workload's token is for. */
    client_id: z.string().max(200).optional(),
  }),
);

/** A parsed token exchange. */
export type ExchangeForm = z.output<typeof exchangeFormSchema>;

/** Answer of `POST /auth/token`. */
export const exchangeAnswerSchema = z.object({
  access_token: z
    .string()
    .meta({ description: 'The token, for `Authorization: Bearer`, or `DPoP` if that is its type.' }),
  issued_token_type: z.enum(issuedTypes),
  token_type: z.enum(['Bearer', 'DPoP']),
  expires_in: z.int().meta({ description: 'Seconds until the token expires.' }),
  scope: z.string().meta({ description: 'Space-separated scopes.' }),
  api_key: z.string().optional().meta({
    description:
      'Only after a command-line login: an API key that can be exchanged for further tokens for 30 days.',
  }),
  api_key_id: z.uuid().optional().meta({ description: 'Id of `api_key`, to revoke it by.' }),
});

/** Error of `POST /auth/token`. */
export const exchangeErrorSchema = z.object({
  error: z.enum(oauthErrorCodes),
  error_description: z.string(),
});

/** A field that Swagger UI leaves empty, which counts as left out; without an example, the UI would send the word "string". */
const left = (description: string) => ({ type: 'string', description, example: '' });

/** The form as the OpenAPI document shows it: the filled-in values exchange the cookie's session for a bearer. */
export const exchangeFormProperties = {
  grant_type: { type: 'string', enum: [exchangeGrantType, codeGrantType, deviceGrantType] },
  subject_token_type: { type: 'string', enum: [...subjectTypes], example: tokenTypes.session },
  subject_token: left('The token or API key to exchange. Leave it out for the session of the cookie.'),
  actor_token: left(
    'Token or API key of the party that acts for the subject. Its `sub` goes into the claim `act`.',
  ),
  actor_token_type: left(`Type of \`actor_token\`: ${actorTypes.map((type) => `\`${type}\``).join(', ')}.`),
  requested_token_type: { type: 'string', enum: [...issuedTypes] },
  scope: left('Space-separated scopes, none beyond those of the subject.'),
  audience: left('If given, it must be `TOKEN_AUDIENCE`.'),
  resource: left('If given, it must be `TOKEN_AUDIENCE`.'),
  org: left('Id or slug of one of the subject’s organisations, for which the new token acts.'),
  code: left('The code from `/auth/cli`, only with `authorization_code`.'),
  device_code: left('The device code from `/auth/device`, only with its `grant_type`.'),
  code_verifier: left('PKCE code verifier (RFC 7636), only with `code`.'),
  redirect_uri: left('Redirect URI of the request for the code, only with `code`.'),
  client_id: {
    anyOf: [{ type: 'string', enum: ['vestibule-cli'] }, { type: 'string' }],
    description:
      'With `code` or `device_code`: `vestibule-cli`. With the token of a workload: the client id of the machine that it gets a token of.',
    example: '',
  },
};
