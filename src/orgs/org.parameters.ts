/** What OpenAPI says of paths, queries and bodies here; the schemas beside them are what is held. */
export const orgIdParameter = {
  name: 'id',
  description: 'Id of the organisation.',
  schema: { type: 'string', format: 'uuid' },
} as const;

export const userIdParameter = {
  name: 'userId',
  description: 'Id of the user.',
  schema: { type: 'string', format: 'uuid' },
} as const;

export const inviteIdParameter = {
  name: 'inviteId',
  description: 'Id of the invite.',
  schema: { type: 'string', format: 'uuid' },
} as const;

export const limitParameter = {
  name: 'limit',
  required: false,
  description: 'Entries of one page.',
  schema: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
} as const;

export const cursorParameter = {
  name: 'cursor',
  required: false,
  description: '`nextCursor` of the page before; opaque.',
  schema: { type: 'string' },
} as const;

export const orgSearchParameter = {
  name: 'search',
  required: false,
  description: 'With `all=true`: beginning of a slug or a name, in whatever case, or a whole id.',
  schema: { type: 'string', minLength: 1, maxLength: 320 },
} as const;

const name = { type: 'string', minLength: 1, maxLength: 200, example: 'Analytical Engines' };
const slug = {
  type: 'string',
  minLength: 2,
  maxLength: 40,
  pattern: '^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$',
  example: 'analytical-engines',
};
const role = { type: 'string', enum: ['owner', 'admin', 'member'], example: 'member' };

export const newOrgProperties = { name, slug };

export const orgChangesProperties = {
  name,
  slug,
  domain: { type: ['string', 'null'], maxLength: 253, example: 'example.org' },
  joinPolicy: { type: 'string', enum: ['domain', 'approval', 'invite'], example: 'approval' },
};

export const domainConfirmationProperties = {
  domain: { type: 'string', maxLength: 253, example: 'example.org' },
};

export const memberChangesProperties = { role };

export const newInviteProperties = {
  email: { type: 'string', format: 'email', maxLength: 254, example: 'grace@example.org' },
  role: { ...role, default: 'member' },
};

export const redemptionProperties = {
  token: { type: 'string', minLength: 1, maxLength: 128, description: 'What the link has after `invite=`.' },
};
