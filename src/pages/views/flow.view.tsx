import type { VNode } from 'preact';
import type { SettingsChange } from '../../providers/ory/proxy/settings-change.js';
import type { Flow, FlowNode } from '../flow.parser.js';
import type { PageScript } from './document.view.js';
import { Elsewhere, withReturnTo } from './flow-elsewhere.view.js';
import { FlowForm } from './flow-form.view.js';
import { FlowMessages } from './flow-message.view.js';
import { firstField } from './flow-focus.js';
import type { FlowLinks } from './flow-links.js';
import { type FlowKind, type FormPlan, hasErrors, isSubmit, isTrigger, planForms } from './flow-plan.js';
import { headline, isConfirmation, lacksSecondStep } from './flow-wording.js';
import { InviteBanner, type ShownInvite } from './invite-banner.view.js';
import { Layout, type VisitorLinks } from './layout.view.js';
import { type PageUser, useLanguage, usePage } from './page-props.js';
import { Scripted } from './scripted.view.js';
import { Settings } from './settings.view.js';

export interface FlowPageProps {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly links: FlowLinks;
  /** The invite whose link led here. */
  readonly invite?: ShownInvite | undefined;
  /** What was just changed in the settings; shown only if Kratos reports a change. */
  readonly changed?: SettingsChange | undefined;
  /** Login attempts left for this account before logins are paused; undefined unless few are left. */
  readonly triesLeft?: number | undefined;
  /** Where users log in by their company; undefined if there is no such login. */
  readonly companyLogin?: string | undefined;
  /** Whether the account's address isn't verified yet. Until it is, some settings are missing. */
  readonly isUnverified?: boolean;
  /** Whether the user has just recovered the account, and has to choose a new password. */
  readonly isRecovered?: boolean;
  /** Name of the application that the login is for, if it isn't this product. */
  readonly application?: string | undefined;
}

/** A self-service page, rendered from whatever nodes the flow has. */
export function FlowPage(props: FlowPageProps): VNode {
  const { kind, flow, links, invite, changed, triesLeft, isUnverified, application } = props;
  const recovered = props.isRecovered === true;
  const { assets, user, language, signUp } = usePage();
  const offersSignUp = signUp === 'open' || invite?.opensSignUp === true;
  const { text, rich } = language;
  const { title, lead } = headline(kind, flow, recovered, language);
  const nodes = withAddress(kind, flow.ui.nodes, { user, invite });
  const plans = planForms(kind, recovered ? passwordOnly(nodes) : nodes);
  const isUsable = plans.some(({ sections }) =>
    sections.flat().some((node) => isSubmit(node) || isTrigger(node) || node.type === 'a'),
  );
  const scripts = scriptsOf(flow, assets.passkeysScript);
  if (lacksSecondStep(kind, flow, isUsable)) {
    return <SecondStepMissing flow={flow} links={links} />;
  }
  const isSaved = kind === 'settings' && flow.state === 'success';
  return (
    <Layout
      title={hasErrors(flow) ? text('common.errorTitle', { title }) : title}
      scripts={scripts}
      isDoor={user === null}
      visitorLinks={recovered ? null : visitorLinksOf(kind, flow, links, offersSignUp)}
      width={kind === 'settings' && !recovered ? 'middle' : 'narrow'}
    >
      <article class="card">
        <header>
          {user === null && <CardBrand />}
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
          {application !== undefined && (kind === 'login' || kind === 'registration') && (
            <p class="lead">{text('login.goesOn', { application })}</p>
          )}
        </header>
        <InviteBanner invite={invite} />
        <FlowMessages
          kind={kind}
          flow={flow}
          links={links}
          changed={isSaved && !hasErrors(flow) ? changed : undefined}
        />
        {isUnverified && (
          <p class="notice info">
            {rich('settings.unverified', { link: (words) => <a href={links.verification}>{words}</a> })}
          </p>
        )}
        {triesLeft !== undefined && (
          <p class="notice info">
            {rich('login.triesLeft', {
              count: triesLeft,
              link: (words) => <a href={withReturnTo(links.recovery, flow.return_to)}>{words}</a>,
            })}
          </p>
        )}
        {scripts.length > 0 && (
          <p class="notice error" role="alert" hidden data-key-failed>
            {text('flow.keyFailed')}
          </p>
        )}
        {recovered && isSaved ? (
          <a class="button" href={links.account}>
            {text('flow.toAccount')}
          </a>
        ) : kind === 'settings' && !recovered ? (
          <Settings flow={flow} plans={plans} changed={isSaved ? groupOf(changed) : undefined} />
        ) : (
          <Ways kind={kind} flow={flow} plans={plans} />
        )}
        {plans.length > 0 && plans.every(({ scripted }) => scripted) && (
          <noscript>
            <p class="notice info">{text('flow.needsScript')}</p>
          </noscript>
        )}
        {!isUsable && <p class="notice info">{text('flow.nothingToFillIn')}</p>}
      </article>
      {!(recovered && isSaved) && (
        <Elsewhere
          kind={kind}
          flow={flow}
          links={links}
          companyLogin={props.companyLogin}
          isLoggedIn={Boolean(user)}
          offersSignUp={offersSignUp}
        />
      )}
    </Layout>
  );
}

/**
 * The header's links to log in and sign up, which keep this form's destination. Undefined for flows after a login, which have
 * none.
 */
function visitorLinksOf(
  kind: FlowKind,
  flow: Flow,
  links: FlowLinks,
  offersSignUp: boolean,
): VisitorLinks | undefined {
  return flow.return_to && ['login', 'registration', 'recovery'].includes(kind)
    ? {
        logIn: withReturnTo(links.login, flow.return_to),
        signUp: offersSignUp ? withReturnTo(links.registration, flow.return_to) : undefined,
      }
    : undefined;
}

/** The logo and name of the product that the form belongs to. */
function CardBrand(): VNode {
  const { assets, brand } = usePage();
  return (
    <p class="card-brand">
      <a href="/">
        <img src={assets.logo} alt="" width="40" height="40" />
        {brand.name}
      </a>
    </p>
  );
}

/** The section that a change was made in: `totp_added` → `totp`. */
function groupOf(change: SettingsChange | undefined): string | undefined {
  return change?.replace(/_(?:added|removed)$/, '');
}

/**
 * Only the form for a new password, for somebody who has just recovered their account; everything if it can't have a
 * password.
 */
function passwordOnly(nodes: readonly FlowNode[]): readonly FlowNode[] {
  const kept = nodes.filter(({ group }) => group === 'default' || group === 'password');
  return kept.some(({ group }) => group === 'password') ? kept : nodes;
}

/** Kratos' script and ours after it; none if nothing on the page needs them. */
function scriptsOf({ ui }: Flow, own: string): readonly PageScript[] {
  const hasTrigger = ui.nodes.some(
    (node) => isTrigger(node) || (node.type === 'input' && node.attributes.onloadTrigger !== undefined),
  );
  if (!hasTrigger || ui.scripts.length === 0) return [];
  return [...ui.scripts.map(({ attributes }) => attributes), { src: own }];
}

/** Sends somebody whose account has no second factor to the settings, which lead back to what requires it. */
function SecondStepMissing({ flow, links }: Pick<FlowPageProps, 'flow' | 'links'>): VNode {
  const { text } = useLanguage();
  const title = text('flow.secondStep.title');
  return (
    <Layout title={title}>
      <article class="card">
        <h1>{title}</h1>
        <p class="lead">{text('flow.secondStep.lead')}</p>
        <p class="actions">
          <a class="button" href={`${withReturnTo(links.settings, flow.return_to)}#settings-totp`}>
            {text('flow.secondStep.setUp')}
          </a>
          <a class="button secondary" href={links.home}>
            {text('flow.notNow')}
          </a>
        </p>
      </article>
    </Layout>
  );
}

/**
 * Fills in the e-mail address if it's known. For a verification, it's the address of the person who is logged in. For a
 * registration with a mailed invite, it's the address that the invite was sent to.
 */
function withAddress(
  kind: FlowKind,
  nodes: readonly FlowNode[],
  { user, invite }: { readonly user: PageUser | null; readonly invite: ShownInvite | undefined },
): readonly FlowNode[] {
  const [name, value] = kind === 'registration' ? ['traits.email', invite?.mailedTo] : ['email', user?.email];
  if (!value || (kind !== 'registration' && kind !== 'verification')) {
    return nodes;
  }
  return nodes.map((node) => {
    const isEmpty = node.type === 'input' && node.attributes.name === name && !node.attributes.value;
    return isEmpty ? { ...node, attributes: { ...node.attributes, value } } : node;
  });
}

interface WaysProps {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly plans: readonly FormPlan[];
}

/** The alternative forms of one step, of which a person uses one. Of second factors, only the first is shown at once. */
function Ways({ kind, flow, plans }: WaysProps): VNode {
  const { text } = useLanguage();
  const main = plans.find((plan) => !plan.social && !plan.scripted) ?? plans.find((plan) => !plan.social);
  const focused = firstField(flow, main);
  const isFolded = isConfirmation(kind, flow) && flow.requested_aal === 'aal2' && plans.length > 1;
  const [shown, others] = isFolded ? [plans.slice(0, 1), plans.slice(1)] : [plans, []];
  const form = (plan: FormPlan, index: number, isFirst: boolean) => (
    <Scripted key={index} when={plan.scripted}>
      {!isFirst && !plan.back && <p class="divider">{text('common.or')}</p>}
      <FlowForm
        kind={kind}
        flow={flow}
        plan={plan}
        id={`form-${index}`}
        primary={plan === main}
        focused={focused}
      />
    </Scripted>
  );
  return (
    <>
      {shown.map((plan, index) => form(plan, index, index === 0))}
      {others.length > 0 && (
        <details class="other-ways" open={others.some(({ sections }) => sections.flat().some(isWrong))}>
          <summary>{text('flow.anotherWay')}</summary>
          {others.map((plan, index) => form(plan, index + 1, index === 0))}
        </details>
      )}
    </>
  );
}

const isWrong = ({ messages }: FlowNode): boolean => messages.some(({ type }) => type === 'error');
