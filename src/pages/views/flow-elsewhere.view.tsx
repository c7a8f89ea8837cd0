import type { VNode } from 'preact';
import type { Flow } from '../flow.parser.js';
import type { FlowKind } from './flow-plan.js';
import type { FlowLinks } from './flow-links.js';
import { isConfirmation } from './flow-wording.js';
import { useLanguage, usePage } from './page-props.js';

/** Adds the person's destination to a path. The value comes from Kratos, which checked it against its allow-list. */
export function withReturnTo(path: string, returnTo: string | undefined): string {
  if (!returnTo) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams({ return_to: returnTo })}`;
}

interface ElsewhereProps {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly links: FlowLinks;
  /** Where users log in by their company; undefined if there is no such login. */
  readonly companyLogin: string | undefined;
  readonly isLoggedIn: boolean;
  /** Whether the page offers to sign up. */
  readonly offersSignUp: boolean;
}

/** Links for people who don't want to fill in the page. */
export function Elsewhere({
  kind,
  flow,
  links,
  companyLogin,
  isLoggedIn,
  offersSignUp,
}: ElsewhereProps): VNode {
  const { signUp } = usePage();
  const { text, rich } = useLanguage();
  const to = (path: string) => withReturnTo(path, flow.return_to);
  if (isConfirmation(kind, flow)) {
    return (
      <p class="elsewhere">
        <a href={links.home}>{text('flow.cancel')}</a>
      </p>
    );
  }
  switch (kind) {
    case 'login':
      return (
        <div class="elsewhere">
          {companyLogin !== undefined && (
            <p>
              <a href={companyLogin}>{text('connection.companyLogin')}</a>
            </p>
          )}
          <p>
            <a href={to(links.recovery)}>{text('login.forgot')}</a>
          </p>
          <p>
            {offersSignUp
              ? rich('login.newHere', { link: (words) => <a href={to(links.registration)}>{words}</a> })
              : text(signUp === 'closed' ? 'signup.closed' : 'signup.invite')}
          </p>
        </div>
      );
    case 'registration':
      return (
        <p class="elsewhere">
          {rich('registration.haveAccount', { link: (words) => <a href={to(links.login)}>{words}</a> })}
        </p>
      );
    case 'recovery':
      return (
        <p class="elsewhere">
          <a href={to(links.login)}>{text('recovery.back')}</a>
        </p>
      );
    case 'verification':
    case 'settings':
      // After a recovery, Kratos has a session but this gateway doesn't: its start page would treat the person as a visitor.
      return (
        <p class="elsewhere">
          <a href={isLoggedIn ? links.home : links.account}>
            {text(isLoggedIn ? 'common.backToAccount' : 'flow.toAccount')}
          </a>
        </p>
      );
  }
}
