import { createHash, randomBytes } from 'node:crypto';
import type { Profile, SamlConfig } from '@node-saml/node-saml';
import type { LoginChecks, StartedLogin, VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import type { ConnectionStep } from '../connections/connection-step.js';
import type { SamlConnectionSettings } from './saml-connection.parser.js';
import type { SamlProviderFacts } from './saml-metadata.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Clock } from '../../platform/time/clock.service.js';
import type { Fetch } from '../../platform/upstream/upstream-calls.js';
import { attributeOf, childOf, textOf } from './strict-xml.js';
import {
  CompanyProvider,
  type ConfirmedGrant,
  type KeptAnswer,
  type ProviderLogin,
  type ProviderLoginStart,
  type ReportedUser,
  keptRefusals,
} from '../connections/company.provider.js';
import { type VerifiedAssertion, readAssertion, toReportedUser } from './saml-assertion.js';
import {
  type ResponseForm,
  decodeMessage,
  judgeResponse,
  namespaces,
  refused,
  strictly,
} from './saml-document.js';
import { type LogoutMessage, SamlLogouts, signedUrl } from './saml-logouts.js';
import { testSaml } from './saml-examination.js';
import { SamlProvider } from './saml.provider.js';

const logoutService = /^ *<SingleLogoutService [^<>]*\/>$/m;
const successStatus = 'urn:oasis:names:tc:SAML:2.0:status:Success';

/** A company's SAML 2.0 identity provider. Its answers can't be confirmed later, so that sessions have an end of their own. */
export class SamlCompany extends CompanyProvider {
  readonly #provider: SamlProvider;
  readonly #logouts: SamlLogouts;
  /** URL of this connection's routes, without the last part. */
  readonly #base: string;

  /** @param call goes where an owner of an organisation may lead. */
  readonly #settings: SamlConnectionSettings;

  constructor(
    settings: SamlConnectionSettings,
    publicUrl: string,
    private readonly clock: Pick<Clock, 'now'>,
    call?: Fetch,
  ) {
    super();
    this.#settings = settings;
    this.#provider = new SamlProvider(settings, clock, call);
    this.#base = `${publicUrl}/auth/connections/${settings.id}`;
    this.#logouts = new SamlLogouts(
      {
        issuer: this.#provider.entityId,
        destination: `${this.#base}/slo`,
        skew: settings.clockSkew,
        subjectOf: (nameId) => (settings.subjectAttribute === undefined ? this.#subjectIn(nameId) : null),
      },
      clock,
    );
  }

  get trustsSecondFactor(): boolean {
    return this.#settings.secondFactorClasses.length > 0;
  }

  get allowsUnsolicited(): boolean {
    return this.#settings.allowsUnsolicited;
  }

  /** Our own metadata (SAML 2.0 Metadata section 2.4.4), which the provider needs. */
  async metadata(): Promise<string> {
    const { ownKey } = this.#settings;
    const certificate = ownKey?.certificate ?? null;
    const { SAML } = await import('@node-saml/node-saml');
    // What is in it doesn't depend on the provider, which may be away.
    const saml = new SAML({
      ...this.#options({ ssoUrl: this.#base, logoutUrl: undefined, certificates: [] }),
      generateUniqueId: () => `_${createHash('sha256').update(this.#base).digest('hex')}`,
    });
    const metadata = saml.generateServiceProviderMetadata(certificate, certificate);
    // The library names one binding of two.
    return metadata.replace(
      logoutService,
      (one) => `${one.replace(':HTTP-POST"', ':HTTP-Redirect"')}\n${one}`,
    );
  }

  lifeOf(login: ProviderLogin): number {
    const { sessionEnd } = login;
    const stated = sessionEnd === undefined ? Infinity : Math.floor((sessionEnd - this.clock.now()) / 1000);
    return Math.max(1, Math.min(this.#settings.sessionTtl, stated));
  }

  async begin({ maxAge }: ProviderLoginStart): Promise<StartedLogin> {
    const facts = await this.#provider.facts();
    const state = randomBytes(32).toString('base64url');
    const requestId = requestIdOf(state);
    const { SAML } = await import('@node-saml/node-saml');
    const saml = new SAML({
      ...this.#options(facts),
      generateUniqueId: () => requestId,
      // A provider can't be told of an age.
      forceAuthn: maxAge !== undefined,
    });
    const url = new URL(await saml.getAuthorizeUrlAsync(state, undefined, {}));
    return { url, checks: { state, nonce: requestId, codeVerifier: '' } };
  }

  /** Judges an answer that has come for a login. @returns what to keep of it until its browser is back. */
  async examine(posted: string, state: string): Promise<KeptAnswer> {
    try {
      await this.#judged(posted, requestIdOf(state));
      return { posted };
    } catch (error) {
      const code = error instanceof Problem ? keptRefusals.safeParse(error.code).data : undefined;
      if (error instanceof Problem && code !== undefined) {
        return { code, reason: error.reason ?? code };
      }
      throw error;
    }
  }

  /** @param posted the `SAMLResponse` that the provider let the browser post. */
  async finish(_answer: URL, checks: LoginChecks, posted: string | undefined): Promise<ProviderLogin> {
    const { secondFactorClasses } = this.#settings;
    const assertion = await this.#judged(posted ?? '', checks.nonce);
    const user = toReportedUser(assertion, this.#settings);
    const isSecond =
      assertion.contextClass !== undefined && secondFactorClasses.includes(assertion.contextClass);
    return {
      user: { ...user, subject: this.#subjectIn(user.subject) },
      amr: isSecond ? ['mfa'] : [],
      acr: isSecond ? 'aal2' : 'aal1',
      authTime: assertion.authTime,
      sid: assertion.sessionIndex ?? null,
      refreshToken: undefined,
      sessionEnd: assertion.sessionEnd,
      onlyOnce: {
        issuer: `${this.#settings.id} ${this.#provider.entityId}`,
        id: assertion.id,
        expiresAt: assertion.expiresAt,
      },
    };
  }

  has(subject: string): boolean {
    return subject.startsWith(this.#subjectIn(''));
  }

  async confirm(): Promise<ConfirmedGrant> {
    throw new Problem('access_token_rejected', { reason: 'saml_without_refresh' });
  }

  async describe(_grant: ConfirmedGrant, known: ReportedUser): Promise<ReportedUser> {
    return known;
  }

  async test(): Promise<readonly ConnectionStep[]> {
    return testSaml(this.#settings.source, async (url) => this.#provider.read(url), this.clock.now());
  }

  async verifyLogoutToken(): Promise<VerifiedLogoutToken> {
    throw new Problem('not_found', { reason: 'connection_without_logout_tokens' });
  }

  /** Verifies a logout that the provider reports, but for age and first use. @throws {Problem} `login_refused` */
  async verifyLogout(message: LogoutMessage): Promise<VerifiedLogoutToken> {
    return this.#withFacts((facts) => this.#logouts.verify(message, facts));
  }

  /**
   * Where the browser goes with our answer to a logout.
   * @param requestId id of the request.
   * @returns undefined if the provider names no address for it.
   */
  async logoutAnswer(requestId: string, relayState: string | undefined): Promise<string | undefined> {
    const facts = await this.#provider.facts();
    if (facts.logoutUrl === undefined) {
      return undefined;
    }
    const request: Profile = { ID: requestId, issuer: '', nameID: '', nameIDFormat: '' };
    // The library signs a text that it then encodes in another way: right for its own values, but not for any RelayState.
    const { privateKey: _, ...options } = this.#options(facts);
    const { SAML } = await import('@node-saml/node-saml');
    const unsigned = new URL(await new SAML(options).getLogoutResponseUrlAsync(request, '', {}, true));
    const message = { SAMLResponse: unsigned.searchParams.get('SAMLResponse') ?? '', RelayState: relayState };
    return signedUrl(facts.logoutUrl, message, this.#settings.ownKey?.key);
  }

  /** The assertion of an answer to this request. @throws {Problem} `login_refused`, or as {@link finish} */
  async #judged(posted: string, requestId: string): Promise<VerifiedAssertion> {
    const { ownKey, clockSkew } = this.#settings;
    const form = await judgeResponse(decodeMessage(posted), ownKey?.key);
    this.#requireAddressed(form, requestId);
    return readAssertion(await this.#verified(posted, form), {
      issuer: this.#provider.entityId,
      audience: `${this.#base}/metadata`,
      recipient: `${this.#base}/acs`,
      requestId,
      now: this.clock.now(),
      skew: clockSkew,
    });
  }

  /** An answer to this request at this address, and not a refusal. */
  #requireAddressed({ root, assertion }: ResponseForm, requestId: string): void {
    strictly(() => {
      const { protocol, assertion: saml } = namespaces;
      if (attributeOf(root, 'Destination') !== `${this.#base}/acs`) {
        throw refused('saml_destination_mismatch');
      }
      if (attributeOf(root, 'InResponseTo') !== requestId) {
        throw refused('saml_of_another_request');
      }
      const issuer = childOf(root, saml, 'Issuer');
      if (issuer !== undefined && textOf(issuer) !== this.#provider.entityId) {
        throw refused('saml_issuer_mismatch');
      }
      const status = childOf(childOf(root, protocol, 'Status'), protocol, 'StatusCode');
      if (attributeOf(status, 'Value') !== successStatus || assertion === undefined) {
        throw refused('saml_provider_refuses');
      }
    });
  }

  /** The bytes of the assertion that are signed. */
  async #verified(posted: string, form: ResponseForm): Promise<string> {
    return this.#withFacts((facts) => this.#signedPart(posted, form, facts));
  }

  /** Verifies a message again with newer metadata, if there is any: a signature by a key that isn't known may be one of a rollover. */
  async #withFacts<T>(verify: (facts: SamlProviderFacts) => Promise<T>): Promise<T> {
    const facts = await this.#provider.facts();
    try {
      return await verify(facts);
    } catch (error) {
      const newer = await this.#provider.refreshed();
      if (newer === facts) {
        throw error;
      }
      return verify(newer);
    }
  }

  async #signedPart(posted: string, form: ResponseForm, facts: SamlProviderFacts): Promise<string> {
    const { isSigned, assertion } = form;
    if (!isSigned && assertion?.isSigned !== true) {
      throw refused('saml_unsigned');
    }
    const { SAML, SamlStatusError } = await import('@node-saml/node-saml');
    const saml = new SAML({
      ...this.#options(facts),
      // Each signature that is there must be right.
      wantAuthnResponseSigned: isSigned,
      wantAssertionsSigned: assertion?.isSigned === true,
    });
    try {
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: posted });
      const xml = profile?.getAssertionXml?.();
      if (xml === undefined) {
        throw refused('saml_without_assertion');
      }
      return xml;
    } catch (error) {
      if (error instanceof Problem) {
        throw error;
      }
      throw refused(error instanceof SamlStatusError ? 'saml_provider_refuses' : 'saml_not_verified', error);
    }
  }

  #options({ ssoUrl, logoutUrl, certificates }: Omit<SamlProviderFacts, 'entityId'>): SamlConfig {
    const { ownKey, nameIdFormat } = this.#settings;
    return {
      issuer: `${this.#base}/metadata`,
      // Whom an assertion is for, and when, is judged on what is signed, by this gateway's clock and with a reason for each.
      audience: false,
      acceptedClockSkewMs: -1,
      callbackUrl: `${this.#base}/acs`,
      logoutCallbackUrl: `${this.#base}/slo`,
      entryPoint: ssoUrl,
      logoutUrl: logoutUrl ?? ssoUrl,
      idpCert: [...certificates],
      idpIssuer: this.#provider.entityId,
      identifierFormat: nameIdFormat ?? null,
      disableRequestedAuthnContext: true,
      signatureAlgorithm: 'sha256',
      digestAlgorithm: 'sha256',
      wantAssertionsSigned: true,
      wantAuthnResponseSigned: false,
      ...(ownKey === undefined
        ? {}
        : { privateKey: ownKey.key, decryptionPvk: ownKey.key, publicCert: ownKey.certificate }),
    };
  }

  /** A subject with its issuer, so that it is another one if the connection leads to another provider. */
  #subjectIn(subject: string): string {
    return `${this.#provider.entityId} ${subject}`;
  }
}

/** Id of the request of a login: it follows from its state, so that an answer can be judged before the browser brings its cookie. */
function requestIdOf(state: string): string {
  return `_${createHash('sha256').update(state).digest('hex')}`;
}
