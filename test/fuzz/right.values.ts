import { z } from 'zod';

/** A JSON schema, as far as cases are made from it. */
export const memberSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  example: z.unknown().optional(),
  anyOf: z.array(z.looseObject({ type: z.unknown() })).optional(),
});
export type Member = z.output<typeof memberSchema>;

/** What there is of the kinds that paths name, and members whose schema says too little. */
const rightParameter = new Map<string, string>(
  Object.entries({
    'orgs id': '~org~',
    'users id': '~user~',
    'api-keys id': '~key~',
    'applications id': '~application~',
    'agents id': 'dcr-none',
    'applications applicationId': '~orgApplication~',
    'connections connectionId': '~connection~',
    'workloads workloadId': '~workload~',
    'cross-app-targets targetId': '~target~',
    'connected-apps applicationId': 'calendar',
    'sessions id': '~session~',
    'invites id': '~myInvite~',
    'members userId': '~user~',
    'invites inviteId': '~invite~',
    'sessions sessionId': '~session~',
    'ui kind': 'login',
    'assets file': 'pico.css',
  }),
);
const rightMember = new Map<string, unknown>(
  Object.entries({
    scope: 'profile:read',
    slug: '~slug~',
    domain: '~domain~',
    email: 'new.member@example.test',
    subject_token: '~apiKey~',
    subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
    requested_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    actor: '~me~',
    target: '~user~',
    org: '~org~',
    from: '2026-01-01T00:00:00Z',
    to: '2027-01-01T00:00:00Z',
    search: 'a',
    limit: '10',
    token: '~inviteToken~',
    redirectUris: ['https://wiki.example.org/callback'],
    orgId: null,
    stream_id: '~stream~',
    domains: [],
    required: false,
    address: 'ada@example.test',
    delivery: { method: 'urn:ietf:rfc:8936' },
  }),
);

/** The same for the members of an application, as far as they differ. */
const rightApplicationMember = new Map<string, unknown>(
  Object.entries({
    scope: 'openid',
    roles: [],
    firstParty: false,
    deviceLogin: false,
    jwks: {
      keys: [
        {
          kty: 'EC',
          crv: 'P-256',
          x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
          y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
          kid: 'one',
        },
      ],
    },
    rememberConsent: true,
    groupsFrom: 'all',
    groupOrgs: [],
    groupsAs: 'id',
    keepPreviousFor: 60,
    orgId: '~org~',
  }),
);

/** A value, in JSON, that the schema allows. @param path of the operation. */
export function rightValue(name: string, member: Member, path = ''): string {
  const ofApplication = path.includes('/applications') ? rightApplicationMember.get(name) : undefined;
  const first = ofApplication ?? rightMember.get(name) ?? member.enum?.[0] ?? member.example;
  if (first !== undefined) {
    return JSON.stringify(first);
  }
  return member.type === 'string' || member.anyOf === undefined ? '"text"' : 'null';
}

/** What there is for a parameter of a path. */
export function parameterOf(path: string, name: string): string {
  const segments = path.split('/');
  const before = segments[segments.indexOf(`{${name}}`) - 1] ?? '';
  if (/\/(?:approve|reject)$/.test(path) && name === 'userId') {
    return '~pending~';
  }
  if (path.includes('/workloads') && name === 'id') {
    return '~machine~';
  }
  if (name === 'keyId') {
    return path.includes('/orgs/') ? '~orgKey~' : '~userKey~';
  }
  return rightParameter.get(`${before} ${name}`) ?? 'x';
}
