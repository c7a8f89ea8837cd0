import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import type { OtherProvider } from './go.provider.js';
import { makeKeyPair } from './simplesamlphp.server.js';
import { waitUntil } from './stack.js';

const client = { id: 'vestibule', secret: 'the secret of the company client' };
/** Of the users that its demonstration has. */
const user = { email: 'rtyler@badwolf.org', name: 'Rose Tyler' };
const loginForm = { user: 'rtyler', password: 'rtyler' };

/** What it knows of the gateway: the redirect URI of an OpenID client, or the metadata of a SAML service. */
export type LemonldapClient = { readonly redirectUri: string } | { readonly metadata: string };

/** A LemonLDAP::NG that isn't started yet: gateways need its address first. */
export interface Lemonldap {
  /** With a slash at its end. */
  readonly issuer: string;
  /** URL of its SAML metadata, which is its entity ID too. */
  readonly metadataUrl: string;
  start(knows: LemonldapClient): Promise<OtherProvider>;
}

/**
 * LemonLDAP::NG, the single sign-on of many public administrations, as an OpenID and SAML provider with its demonstration's users. It is
 * written in Perl, with Lasso for SAML, and shares no code with the others.
 */
export async function prepareLemonldap(): Promise<Lemonldap> {
  const [port = 0] = await findFreePorts(1);
  const issuer = `http://127.0.0.1:${port}/`;
  return {
    issuer,
    metadataUrl: `${issuer}saml/metadata`,
    start: async (knows) => startLemonldap(port, issuer, knows),
  };
}

async function startLemonldap(port: number, issuer: string, knows: LemonldapClient): Promise<OtherProvider> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-lemonldap-'));
  for (const name of ['configuration', 'sessions/lock', 'users/lock', 'cache']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  const settings = { ...settingsOf(folder, issuer), ...(await providerOf(folder, knows)) };
  await writeFile(join(folder, 'configuration/lmConf-1.json'), JSON.stringify(settings));
  await writeFile(join(folder, 'lemonldap.ini'), iniIn(folder));
  const program = 'use Lemonldap::NG::Portal::Main; Lemonldap::NG::Portal::Main->run({});\n';
  await writeFile(join(folder, 'portal.psgi'), program);
  const server = ['-s', 'HTTP::Server::PSGI', '--host', '127.0.0.1', '--port', String(port)];
  const child = spawn(inject('plackupPath'), [...server, '-E', 'deployment', join(folder, 'portal.psgi')], {
    env: { PATH: process.env['PATH'], LLNG_DEFAULTCONFFILE: join(folder, 'lemonldap.ini') },
    stdio: 'ignore',
  });
  await waitUntil(async () => {
    try {
      return (await fetch(issuer)).status < 500;
    } catch {
      return false;
    }
  }, 'LemonLDAP::NG to answer');
  return {
    env: {
      AUTH_PROVIDER: 'oidc',
      OIDC_ISSUER: issuer,
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
    },
    user,
    loginForm,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Its configuration, which its manager would write, without the protocols. */
function settingsOf(folder: string, issuer: string): Readonly<Record<string, unknown>> {
  const filesIn = (name: string): Readonly<Record<string, string>> => ({
    Directory: join(folder, name),
    LockDirectory: join(folder, name, 'lock'),
    generateModule: 'Lemonldap::NG::Common::Apache::Session::Generate::SHA256',
  });
  return {
    cfgNum: 1,
    cfgAuthor: 'test',
    cfgDate: '1',
    portal: issuer,
    domain: new URL(issuer).hostname,
    cookieName: 'lemonldap',
    securedCookie: 0,
    key: 'the key of a test',
    authentication: 'Demo',
    userDB: 'Same',
    passwordDB: 'Null',
    registerDB: 'Null',
    // Its own module for pictures needs ImageMagick, and is loaded although none is asked for.
    captcha: '::Main::Plugin',
    demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
    macros: { _whatToTrace: 'lc($_user)' },
    whatToTrace: '_whatToTrace',
    globalStorage: 'Apache::Session::File',
    globalStorageOptions: filesIn('sessions'),
    persistentStorage: 'Apache::Session::File',
    persistentStorageOptions: filesIn('users'),
    localSessionStorage: 'Cache::FileCache',
    localSessionStorageOptions: cacheIn(folder),
    locationRules: { [new URL(issuer).host]: { default: 'accept' } },
    portalCheckLogins: 0,
  };
}

/** The configuration of the protocol by which it knows the gateway. */
async function providerOf(
  folder: string,
  knows: LemonldapClient,
): Promise<Readonly<Record<string, unknown>>> {
  if ('redirectUri' in knows) {
    const keys = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    return {
      issuerDBOpenIDConnectActivation: 1,
      oidcServicePrivateKeySig: keys.privateKey,
      oidcServicePublicKeySig: keys.publicKey,
      oidcServiceKeyIdSig: 'company',
      oidcRPMetaDataOptions: {
        gateway: {
          oidcRPMetaDataOptionsClientID: client.id,
          oidcRPMetaDataOptionsClientSecret: client.secret,
          oidcRPMetaDataOptionsBypassConsent: 1,
          oidcRPMetaDataOptionsIDTokenSignAlg: 'RS256',
          oidcRPMetaDataOptionsRedirectUris: knows.redirectUri,
          oidcRPMetaDataOptionsRequirePKCE: 1,
          oidcRPMetaDataOptionsAllowOffline: 1,
          oidcRPMetaDataOptionsUserIDAttr: 'uid',
        },
      },
      oidcRPMetaDataExportedVars: { gateway: { email: 'mail', name: 'cn' } },
    };
  }
  const { key, certificate } = await makeKeyPair(folder, 'saml');
  return {
    issuerDBSAMLActivation: 1,
    samlServicePrivateKeySig: key,
    samlServicePublicKeySig: certificate,
    samlServiceUseCertificateInResponse: 1,
    samlIDPSSODescriptorWantAuthnRequestsSigned: 0,
    samlSPMetaDataXML: { gateway: { samlSPMetaDataXML: knows.metadata } },
    samlSPMetaDataOptions: {
      gateway: {
        samlSPMetaDataOptionsNameIDFormat: 'email',
        samlSPMetaDataOptionsSignSSOMessage: 1,
        samlSPMetaDataOptionsSignatureMethod: 'RSA_SHA256',
        samlSPMetaDataOptionsCheckSSOMessageSignature: 0,
      },
    },
    samlSPMetaDataExportedAttributes: { gateway: { mail: '1;email;;', cn: '1;displayName;;' } },
  };
}

function cacheIn(folder: string): Readonly<Record<string, string | number>> {
  return {
    namespace: 'sessions',
    cache_root: join(folder, 'cache'),
    cache_depth: 3,
    default_expires_in: 600,
    directory_umask: '007',
  };
}

function iniIn(folder: string): string {
  return `[all]
logLevel = warn
[configuration]
type = File
dirName = ${join(folder, 'configuration')}
localStorage = Cache::FileCache
localStorageOptions = { 'namespace' => 'configuration', 'cache_root' => '${join(folder, 'cache')}', 'cache_depth' => 3, 'directory_umask' => '007', 'default_expires_in' => 600 }
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
`;
}
