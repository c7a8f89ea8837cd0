import type { ComponentChildren, VNode } from 'preact';
import type { LoginMethods } from '../../auth/auth.strategy.js';
import { useLanguage } from './page.props.js';

export interface AccountLoginsProps {
  /** `ory` has self-service pages here; with `auth0` and `oidc` the provider keeps how people log in. */
  readonly provider: 'ory' | 'auth0' | 'oidc';
  /** Undefined when it can't be read now. */
  readonly methods: LoginMethods | undefined;
  /** Passkeys and second steps are for accounts with a verified address. */
  readonly isVerified: boolean;
}

/** How a person logs in, whether there is a second step, and where each is changed. */
export function AccountLogins({ provider, methods, isVerified }: AccountLoginsProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card" aria-labelledby="logins-title">
      <h2 id="logins-title">{text('logins.title')}</h2>
      {provider !== 'ory' && <p>{text('account.loginsElsewhere')}</p>}
      {provider === 'ory' && methods === undefined && <p>{text('logins.unknown')}</p>}
      {provider === 'ory' && methods !== undefined && <Methods methods={methods} isVerified={isVerified} />}
    </article>
  );
}

function Methods({
  methods,
  isVerified,
}: {
  readonly methods: LoginMethods;
  readonly isVerified: boolean;
}): VNode {
  const { text } = useLanguage();
  const { password, passkeys, linked, secondFactors } = methods;
  const isProtected = secondFactors.length > 0;
  return (
    <ul class="rows">
      <Row
        title={text('logins.password')}
        section="password"
        act={text(password ? 'logins.change' : 'logins.set')}
      >
        {text(password ? 'logins.password.set' : 'logins.password.none')}
      </Row>
      <Row
        title={text('logins.twoStep')}
        section={secondFactors.includes('webauthn') ? 'webauthn' : 'totp'}
        act={text(isProtected ? 'logins.change' : 'logins.turnOn')}
        needsAddress={!isVerified}
      >
        <span class={isProtected ? 'badge success' : 'badge'}>
          {text(isProtected ? 'settings.state.on' : 'settings.state.off')}
        </span>{' '}
        {isProtected
          ? secondFactors.map((factor) => text(`settings.section.${factor}`)).join(', ')
          : text('logins.twoStep.lead')}
      </Row>
      <Row
        title={text('settings.section.passkey')}
        section="passkey"
        act={text('logins.change')}
        needsAddress={!isVerified}
      >
        {text(passkeys ? 'logins.passkeys.some' : 'logins.passkeys.none')}
      </Row>
      {linked.length > 0 && (
        <Row title={text('settings.section.oidc')} section="oidc" act={text('logins.change')}>
          {linked.join(', ')}
        </Row>
      )}
    </ul>
  );
}

interface RowProps {
  readonly title: string;
  /** Of the settings. */
  readonly section: string;
  readonly act: string;
  /** Whether the address has to be verified first. */
  readonly needsAddress?: boolean | undefined;
  readonly children: ComponentChildren;
}

function Row({ title, section, act, needsAddress = false, children }: RowProps): VNode {
  const { text } = useLanguage();
  const words = needsAddress ? text('logins.verifyFirst') : act;
  return (
    <li>
      <div>
        <h3>{title}</h3>
        <p class="details">{children}</p>
      </div>
      {/* page.js opens the section; without a script it's one press away. */}
      <a
        href={needsAddress ? '/ui/verification' : `/ui/settings#settings-${section}`}
        aria-label={`${words}: ${title}`}
      >
        {words}
      </a>
    </li>
  );
}
