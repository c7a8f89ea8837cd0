import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { CommandError } from '../platform/errors/command.error.js';

const groupSources = ['own', 'listed', 'all'] as const;
const groupForms = ['slug', 'id'] as const;
const accesses = ['everyone', 'organisation', 'roles'] as const;
const roles = ['owner', 'admin', 'member'] as const;
const codeProtections = ['pkce', 'nonce', 'none'] as const;
const authMethods = ['client_secret_basic', 'client_secret_post'] as const;

/** The settings of an application, as options of a command. */
export interface SettingOptions {
  readonly name?: string;
  readonly redirectUri?: readonly string[];
  readonly logoutRedirectUri?: readonly string[];
  readonly scope?: string;
  readonly access?: string;
  readonly role?: readonly string[];
  readonly groupsFrom?: string;
  readonly groupOrg?: readonly string[];
  readonly groupsAs?: string;
  readonly rememberConsent?: boolean;
  readonly authMethod?: string;
  readonly jwks?: string;
  readonly codeProtection?: string;
  readonly deviceLogin?: boolean;
  readonly homePage?: string;
  readonly privacyPolicy?: string;
  readonly terms?: string;
  readonly logo?: string;
  readonly backchannelLogoutUri?: string;
  readonly firstParty?: boolean;
}

/** Member of the API's body → the option that sets it. */
const optionNames: Readonly<Record<string, string>> = {
  kind: '--kind',
  redirectUris: '--redirect-uri',
  postLogoutRedirectUris: '--logout-redirect-uri',
  scope: '--scope',
  access: '--access',
  roles: '--role',
  groupsFrom: '--groups-from',
  groupOrgs: '--group-org',
  groupsAs: '--groups-as',
  tokenEndpointAuthMethod: '--auth-method',
  jwks: '--jwks',
  codeProtection: '--code-protection',
  deviceLogin: '--device-login',
  clientUri: '--home-page',
  policyUri: '--privacy-policy',
  tosUri: '--terms',
  logoUri: '--logo',
  backchannelLogoutUri: '--backchannel-logout-uri',
  firstParty: '--first-party',
  keepPreviousFor: '--keep-previous-for',
};

/** Adds the options that set what an application may have. */
export function addSettingOptions(command: Command): Command {
  return command
    .option('--redirect-uri <uri...>', 'where users return to after a login')
    .option('--logout-redirect-uri <uri...>', 'where users may return to after a logout')
    .option('--scope <scopes>', 'what it may ask for, separated by blanks')
    .addOption(new Option('--access <access>', 'who may log in').choices(accesses))
    .addOption(new Option('--role <role...>', 'only users with one of these roles may log in').choices(roles))
    .addOption(
      new Option('--groups-from <which>', 'the organisations in its claim groups').choices(groupSources),
    )
    .option('--group-org <org...>', 'only these organisations, by id or short name, are in groups')
    .addOption(new Option('--groups-as <form>', 'how groups are named').choices(groupForms))
    .option('--remember-consent', 'users may have their consent remembered')
    .option('--no-remember-consent', 'users are asked at each login')
    .addOption(new Option('--auth-method <method>', 'how it sends its secret').choices(authMethods))
    .option('--jwks <file>', 'public keys by which it authenticates instead of a secret; "" for a secret')
    .addOption(
      new Option(
        '--code-protection <which>',
        'what each login must send (default: pkce); for administrators',
      ).choices(codeProtections),
    )
    .option('--device-login', 'users may log in on devices without a browser; for administrators')
    .option('--no-device-login', 'users may not; for administrators')
    .option('--home-page <url>', 'its home page; "" for none, also of those below')
    .option('--privacy-policy <url>', 'its privacy policy')
    .option('--terms <url>', 'its terms of service')
    .option('--logo <url>', 'its logo')
    .option('--backchannel-logout-uri <url>', 'is told of each logout; for administrators')
    .option('--first-party', 'it is part of the product; for administrators')
    .option('--no-first-party', 'it is no part of the product; for administrators');
}

/** What the API is asked to set: the members of the options that were given. */
export function settingsOf(options: SettingOptions): Readonly<Record<string, unknown>> {
  const body = {
    name: options.name,
    redirectUris: options.redirectUri,
    postLogoutRedirectUris: options.logoutRedirectUri,
    scope: options.scope,
    access: options.access ?? (options.role === undefined ? undefined : 'roles'),
    roles: options.role,
    groupsFrom: options.groupsFrom ?? (options.groupOrg === undefined ? undefined : 'listed'),
    groupOrgs: options.groupOrg,
    groupsAs: options.groupsAs,
    rememberConsent: options.rememberConsent,
    tokenEndpointAuthMethod: options.authMethod,
    jwks: options.jwks === undefined ? undefined : keysIn(options.jwks),
    codeProtection: options.codeProtection,
    deviceLogin: options.deviceLogin,
    clientUri: linkOf(options.homePage),
    policyUri: linkOf(options.privacyPolicy),
    tosUri: linkOf(options.terms),
    logoUri: linkOf(options.logo),
    backchannelLogoutUri: linkOf(options.backchannelLogoutUri),
    firstParty: options.firstParty,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

/**
 * What is wrong with a body, in the words of the command line.
 * @param field of the body, as the API names it: `redirectUris.0` is an entry of a list.
 */
export function faultOf(
  body: Readonly<Record<string, unknown>>,
  { field, message }: { readonly field: string; readonly message: string },
): string {
  const [, unknown = ''] = /^Unrecognized keys?: "(\w+)"/.exec(message) ?? [];
  const option = optionNames[unknown];
  if (option !== undefined) {
    return `${option} is for administrators, without --org`;
  }
  const [, key] = /^jwks\.keys\.(\d+)/.exec(field) ?? [];
  if (key !== undefined) {
    return `--jwks key ${Number(key) + 1} ${message}`;
  }
  const [member = '', index] = field.split('.');
  const value = body[member];
  const entry: unknown = Array.isArray(value) && index !== undefined ? value[Number(index)] : undefined;
  return [optionNames[member] ?? member, ...(typeof entry === 'string' ? [entry] : []), message].join(' ');
}

/** The keys in a file; null for none. @throws {CommandError} */
function keysIn(file: string): unknown {
  if (file === '') {
    return null;
  }
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new CommandError(`${file} is no JSON file with public keys (a JWK Set).`);
  }
}

function linkOf(given: string | undefined): string | null | undefined {
  return given === '' ? null : given;
}
