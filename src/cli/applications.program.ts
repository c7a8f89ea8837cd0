import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { type SettingOptions, addSettingOptions, faultOf, settingsOf } from './application.settings.js';
import { CommandError } from '../platform/errors/command.error.js';
import type { RefusalError } from './gateway.client.js';
import { GatewayResources } from './gateway-resources.js';
import { type UserSetting, addGatewayOption, loggedIn } from './user.program.js';

const kinds = ['web', 'single_page', 'native', 'machine'] as const;

const applicationSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  orgId: z.string().nullable(),
  firstParty: z.boolean(),
  redirectUris: z.array(z.string()),
  scope: z.string(),
  access: z.string(),
  roles: z.array(z.string()),
  tokenEndpointAuthMethod: z.string(),
  codeProtection: z.string().default('pkce'),
  deviceLogin: z.boolean().default(false),
  groupsFrom: z.string(),
  groupOrgs: z.array(z.string()),
  groupsAs: z.string(),
  rememberConsent: z.boolean(),
  postLogoutRedirectUris: z.array(z.string()),
  backchannelLogoutUri: z.string().nullable(),
  clientUri: z.string().nullable(),
  policyUri: z.string().nullable(),
  tosUri: z.string().nullable(),
  logoUri: z.string().nullable(),
  createdAt: z.string(),
  previousSecretUntil: z.string().nullable(),
});
const createdSchema = applicationSchema.extend({ clientSecret: z.string().nullable() });
const rotatedSchema = z.object({ clientSecret: z.string(), previousSecretUntil: z.string().nullable() });
const listSchema = z.object({ items: z.array(applicationSchema), nextCursor: z.string().nullable() });

interface At {
  readonly url?: string;
  readonly org?: string;
  readonly json?: true;
}

interface RegisterOptions extends At, Omit<SettingOptions, 'name'> {
  readonly kind: string;
}

interface RotateOptions extends At {
  readonly keepPreviousFor: number;
}

/** Adds `vestibule applications …`, with which administrators and owners of organisations register applications. */
export function addApplicationsCommand(program: Command, setting: UserSetting): void {
  const { print, tell } = setting;
  const applications = program
    .command('applications')
    .description('the applications that users log in to here; for administrators, and owners with --org');
  const command = (name: string, description: string): Command =>
    addGatewayOption(applications.command(name).description(description))
      .option('--org <org>', 'the applications of this organisation: its short name or id')
      .option('--json', 'print JSON, as the API answers');
  const open = async (at: At): Promise<GatewayResources> =>
    GatewayResources.of(await loggedIn(at, setting), 'applications', at.org, (...refused) =>
      explained(at.org, ...refused),
    );

  command('list', 'every application: id, kind and name').action(async (options: At) => {
    const items = await listAll(await open(options));
    for (const line of options.json === true ? [JSON.stringify(items)] : items.map(lineOf)) {
      print(line);
    }
  });

  addSettingOptions(
    command('register', 'register an application; its secret is printed once')
      .argument('<name>', 'what users see when they log in to it')
      .addOption(new Option('--kind <kind>', 'what it is').choices(kinds).default('web')),
  ).action(async (name: string, { kind, ...options }: RegisterOptions) => {
    if (kind === 'machine' && options.org !== undefined) {
      throw new CommandError('Only administrators register machines, and without --org.');
    }
    const gateway = await open(options);
    const body = { redirectUris: [], ...settingsOf({ ...options, name }), kind };
    const made = await gateway.call('POST', {}, createdSchema, body);
    printOne(made, options, setting, gateway.url);
    if (made.clientSecret !== null) {
      tell('Keep the secret now: it is not shown again.');
    }
  });

  command('show', 'one application: its settings, and the values that the other program asks for')
    .argument('<id>', 'its client id')
    .action(async (id: string, at: At) => {
      const gateway = await open(at);
      printOne(await gateway.call('GET', { id }, applicationSchema), at, setting, gateway.url);
    });

  addSettingOptions(
    command('change', 'change an application; what no option names stays as it is')
      .argument('<id>', 'its client id')
      .option('--name <name>', 'what users see when they log in to it'),
  ).action(async (id: string, options: SettingOptions & At) => {
    const body = settingsOf(options);
    if (Object.keys(body).length === 0) {
      throw new CommandError('Nothing to change: add an option such as --name or --redirect-uri.');
    }
    const gateway = await open(options);
    const changed = await gateway.call('PATCH', { id }, applicationSchema, body);
    printOne(changed, options, setting, gateway.url);
  });

  command('rotate-secret', 'make a new secret, which is printed once')
    .argument('<id>', 'its client id')
    .option('--keep-previous-for <seconds>', 'how long the previous one is accepted', parseSeconds, 86_400)
    .action(async (id: string, { keepPreviousFor, ...at }: RotateOptions) => {
      const gateway = await open(at);
      const made = await gateway.call('POST', { id, below: '/secret' }, rotatedSchema, { keepPreviousFor });
      print(at.json === true ? JSON.stringify(made) : made.clientSecret);
      tell(
        made.previousSecretUntil === null
          ? 'Keep the secret now: it is not shown again. The previous one has ended.'
          : `Keep the secret now: it is not shown again. The previous one is accepted until ${made.previousSecretUntil}.`,
      );
    });

  command('remove', "remove an application; its tokens and its users' consents end at once")
    .argument('<id>', 'its client id')
    .action(async (id: string, at: At) => {
      const gateway = await open(at);
      const { name } = await gateway.call('GET', { id }, applicationSchema);
      await gateway.call('DELETE', { id }, z.undefined());
      tell(`The application ${name} is removed.`);
    });
}

async function listAll(gateway: GatewayResources): Promise<readonly z.output<typeof applicationSchema>[]> {
  const all: z.output<typeof applicationSchema>[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: URLSearchParams = new URLSearchParams(
      cursor === '' ? { limit: '100' } : { limit: '100', cursor },
    );
    const page: z.output<typeof listSchema> = await gateway.call('GET', { below: `?${query}` }, listSchema);
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

/** What a refusal means. @param org that the command named. */
function explained(
  org: string | undefined,
  error: RefusalError,
  id: string | undefined,
  body: Readonly<Record<string, unknown>>,
): Error {
  if (error.status === 404) {
    return new CommandError(missing(id, org), { cause: error });
  }
  if (error.status === 403 && org === undefined) {
    return new CommandError(
      `${error.message}\nFor the applications of an organisation, add --org and its short name or id.`,
      { cause: error },
    );
  }
  return error.errors.length === 0
    ? error
    : new CommandError(error.errors.map((fault) => faultOf(body, fault)).join('\n'), { cause: error });
}

function missing(id: string | undefined, org: string | undefined): string {
  if (org === undefined) {
    return `There is no application ${id ?? ''}.`;
  }
  return id === undefined
    ? `You belong to no organisation ${org}.`
    : `There is no application ${id} in the organisation ${org}, or you don't belong to it.`;
}

function lineOf({ id, kind, name }: z.output<typeof applicationSchema>): string {
  return `${id}  ${kind.padEnd(11)}  ${name}`;
}

/** What an application's logins must send, in words. */
const protections: Readonly<Record<string, string>> = {
  pkce: 'required: S256',
  nonce: 'S256, or a new nonce for each login',
  none: 'not required',
};

/** Prints an application, with its secret if it has just been made. */
function printOne(
  application: z.output<typeof applicationSchema> & { readonly clientSecret?: string | null },
  { json }: At,
  { print }: UserSetting,
  url: string,
): void {
  if (json === true) {
    print(JSON.stringify(application));
    return;
  }
  const { id, name, kind, orgId, firstParty, scope, access, roles, redirectUris } = application;
  const { clientSecret, previousSecretUntil, createdAt, tokenEndpointAuthMethod } = application;
  const { groupsFrom, groupOrgs, groupsAs } = application;
  const isMachine = kind === 'machine';
  const hasGroups = scope.split(' ').includes('groups');
  const consent = application.rememberConsent ? 'may be remembered' : 'asked at each login';
  const rows: readonly (readonly [string, string | null | undefined])[] = [
    ['name', name],
    ['kind', firstParty ? `${kind}, first-party` : kind],
    ['organisation', orgId],
    ['client id', id],
    ['client secret', clientSecret],
    ['sends its secret', tokenEndpointAuthMethod === 'none' ? null : tokenEndpointAuthMethod],
    ['previous secret', previousSecretUntil === null ? null : `until ${previousSecretUntil}`],
    ['issuer', `${url}/ory/hydra`],
    ...(isMachine
      ? ([
          ['token endpoint', `${url}/ory/hydra/oauth2/token`],
          ['exchange at', `${url}/auth/token`],
        ] as const)
      : ([['discovery URL', `${url}/.well-known/openid-configuration`]] as const)),
    ...redirectUris.map((uri) => ['redirect URI', uri] as const),
    ...application.postLogoutRedirectUris.map((uri) => ['after a logout', uri] as const),
    ['back-channel', application.backchannelLogoutUri],
    ['scopes', scope],
    ['who may log in', isMachine ? null : [access, ...roles].join(' ')],
    ['groups', hasGroups ? `${[groupsFrom, ...groupOrgs].join(' ')}, as ${groupsAs}` : null],
    ['consent', isMachine ? null : firstParty ? 'not asked for' : consent],
    ['PKCE', isMachine ? null : (protections[application.codeProtection] ?? application.codeProtection)],
    ['devices', application.deviceLogin ? 'may log users in' : null],
    ['home page', application.clientUri],
    ['privacy policy', application.policyUri],
    ['terms', application.tosUri],
    ['logo', application.logoUri],
    ['registered', createdAt],
  ];
  for (const [label, value] of rows) {
    if (value !== null && value !== undefined && value !== '') {
      print(`${label.padEnd(16)} ${value}`);
    }
  }
}

function parseSeconds(text: string): number {
  if (!/^\d{1,7}$/.test(text)) {
    throw new InvalidArgumentError('It must be whole seconds, at most 2592000.');
  }
  return Number(text);
}
