import type { ComponentChildren, VNode } from 'preact';
import type { ProfileService } from '../../accounts/profile.service.js';
import { useLanguage } from './page-props.js';

type LoginMethods = NonNullable<Awaited<ReturnType<ProfileService['loginMethodsOf']>>>;

export interface AccountLoginsProps {
  /** Whether login methods are managed elsewhere: at another provider, or at a company directory. */
  readonly isElsewhere: boolean;
  /** Undefined if they can't be read now. */
  readonly methods: LoginMethods | undefined;
  /** Whether the address is verified, as passkeys and second factors require. */
  readonly isVerified: boolean;
}

/** A person's login methods and second factors, with a link to change each. */
export function AccountLogins({ isElsewhere, methods, isVerified }: AccountLoginsProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card" aria-labelledby="logins-title">
      <h2 id="logins-title">{text('logins.title')}</h2>
      {isElsewhere && <p>{text('account.loginsElsewhere')}</p>}
      {!isElsewhere && methods === undefined && <p>{text('logins.unknown')}</p>}
      {!isElsewhere && methods !== undefined && <Methods methods={methods} isVerified={isVerified} />}
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
  /** Group of the settings that the link opens, such as `totp`. */
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
      {/* page.js opens the section; without a script, people open it themselves. */}
      <a
        href={needsAddress ? '/ui/verification' : `/ui/settings#settings-${section}`}
        aria-label={`${words}: ${title}`}
      >
        {words}
      </a>
    </li>
  );
}
