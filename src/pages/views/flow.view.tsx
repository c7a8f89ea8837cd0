import type { VNode } from 'preact';
import type { Flow, FlowNode } from '../flow.parser.js';
import { FlowForm } from './flow-form.view.js';
import { FlowMessages } from './flow-message.view.js';
import { type FlowKind, type FormPlan, isSubmit, isTrigger, planForms } from './flow.plan.js';
import { headline, isConfirmation, lacksSecondStep, sectionHeading } from './flow.wording.js';
import { InviteBanner, type ShownInvite } from './invite-banner.view.js';
import { Layout, type VisitorLinks } from './layout.view.js';
import type { PageScript } from './document.view.js';
import { type PageUser, useLanguage, usePage } from './page.props.js';
import { Scripted } from './scripted.view.js';

/** Where the self-service pages link to; `return_to` is added where it must not get lost. */
export interface FlowLinks {
  readonly login: string;
  readonly registration: string;
  readonly recovery: string;
  readonly settings: string;
  /** The account or welcome page. */
  readonly home: string;
  /** The account page by way of a login, which asks nothing of somebody whom Kratos knows already. */
  readonly account: string;
}

export interface FlowPageProps {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly links: FlowLinks;
  /** The invite whose link led here. */
  readonly invite?: ShownInvite | undefined;
}

/** A self-service page, rendered from whatever nodes the flow has. */
export function FlowPage({ kind, flow, links, invite }: FlowPageProps): VNode {
  const { assets, user, language } = usePage();
  const { text } = language;
  const { title, lead } = headline(kind, flow, language);
  const plans = planForms(kind, kind === 'verification' ? withAddress(flow.ui.nodes, user) : flow.ui.nodes);
  const hasError = [flow.ui, ...flow.ui.nodes].some(({ messages }) =>
    messages.some(({ type }) => type === 'error'),
  );
  const isUsable = plans.some(({ sections }) =>
    sections.flat().some((node) => isSubmit(node) || isTrigger(node) || node.type === 'a'),
  );
  const scripts = scriptsOf(flow, assets.passkeysScript);
  if (lacksSecondStep(kind, flow, isUsable)) {
    return <SecondStepMissing flow={flow} links={links} />;
  }
  return (
    <Layout
      title={hasError ? text('common.errorTitle', { title }) : title}
      scripts={scripts}
      visitorLinks={visitorLinksOf(kind, flow, links)}
    >
      <article class="card">
        <header>
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </header>
        <InviteBanner invite={invite} />
        <FlowMessages messages={flow.ui.messages} />
        {scripts.length > 0 && (
          <p class="notice error" role="alert" hidden data-key-failed>
            {text('flow.keyFailed')}
          </p>
        )}
        {kind === 'settings' ? (
          sectionsOf(plans).map((members, index) => (
            <SettingsSection key={index} flow={flow} plans={members} id={`section-${index}`} />
          ))
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
      <Elsewhere kind={kind} flow={flow} links={links} isLoggedIn={Boolean(user)} />
    </Layout>
  );
}

/** Kratos' script and, after it, ours: only where something on the page needs them. */
function scriptsOf({ ui }: Flow, own: string): readonly PageScript[] {
  const hasTrigger = ui.nodes.some(
    (node) => isTrigger(node) || (node.type === 'input' && node.attributes.onloadTrigger !== undefined),
  );
  if (!hasTrigger || ui.scripts.length === 0) return [];
  return [...ui.scripts.map(({ attributes }) => attributes), { src: own }];
}

/** Forms of one group, next to each other, are one section of the settings. */
function sectionsOf(plans: readonly FormPlan[]): readonly (readonly FormPlan[])[] {
  const sections: FormPlan[][] = [];
  for (const plan of plans) {
    const last = sections.at(-1);
    if (last?.[0]?.group === plan.group) last.push(plan);
    else sections.push([plan]);
  }
  return sections;
}

/** The way on for somebody whose account has no second step yet: once it has, the settings lead back to what needed it. */
function SecondStepMissing({ flow, links }: Omit<FlowPageProps, 'kind'>): VNode {
  const { text } = useLanguage();
  const title = text('flow.secondStep.title');
  return (
    <Layout title={title}>
      <article class="card">
        <h1>{title}</h1>
        <p class="lead">{text('flow.secondStep.lead')}</p>
        <p class="actions">
          <a class="button" href={withReturnTo(links.settings, flow.return_to)}>
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

/** Kratos asks for the address to verify, also when it can only be the one of the person who is logged in. */
function withAddress(nodes: readonly FlowNode[], user: PageUser | null): readonly FlowNode[] {
  return nodes.map((node) => {
    const isEmpty = node.type === 'input' && node.attributes.name === 'email' && !node.attributes.value;
    return isEmpty && user?.email ? { ...node, attributes: { ...node.attributes, value: user.email } } : node;
  });
}

/** The ways through one step, of which a person takes one. */
function Ways({
  kind,
  flow,
  plans,
}: {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly plans: readonly FormPlan[];
}): VNode {
  const { text } = useLanguage();
  const main = plans.find((plan) => !plan.social && !plan.scripted) ?? plans.find((plan) => !plan.social);
  return (
    <>
      {plans.map((plan, index) => (
        <Scripted key={index} when={plan.scripted}>
          {index > 0 && !plan.back && <p class="divider">{text('common.or')}</p>}
          <FlowForm kind={kind} flow={flow} plan={plan} id={`form-${index}`} primary={plan === main} />
        </Scripted>
      ))}
    </>
  );
}

function SettingsSection({
  flow,
  plans,
  id,
}: {
  readonly flow: Flow;
  readonly plans: readonly FormPlan[];
  readonly id: string;
}): VNode {
  const language = useLanguage();
  const group = plans[0]?.group ?? 'default';
  const scripted = plans.every((plan) => plan.scripted);
  return (
    <section aria-labelledby={`${id}-heading`} hidden={scripted} data-scripted={scripted ? '' : undefined}>
      <h2 id={`${id}-heading`}>{sectionHeading(group, language)}</h2>
      {group === 'password' && <p>{language.text('settings.password.ends')}</p>}
      {plans.map((plan, index) => (
        <Scripted key={index} when={plan.scripted && !scripted}>
          <FlowForm
            kind="settings"
            flow={flow}
            plan={plan}
            id={`${id}-${index}`}
            primary={group === 'profile'}
          />
        </Scripted>
      ))}
    </section>
  );
}

/** Keeps where the person wanted to go. The value is Kratos' own and was checked against its allow-list. */
function withReturnTo(path: string, returnTo: string | undefined): string {
  if (!returnTo) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams({ return_to: returnTo })}`;
}

/** The header's way to the other form leads where this one does. What follows a login has no such destination. */
function visitorLinksOf(kind: FlowKind, flow: Flow, links: FlowLinks): VisitorLinks | undefined {
  return flow.return_to && ['login', 'registration', 'recovery'].includes(kind)
    ? {
        logIn: withReturnTo(links.login, flow.return_to),
        signUp: withReturnTo(links.registration, flow.return_to),
      }
    : undefined;
}

function Elsewhere({
  kind,
  flow,
  links,
  isLoggedIn,
}: {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly links: FlowLinks;
  readonly isLoggedIn: boolean;
}): VNode {
  const { text, rich } = useLanguage();
  const to = (path: string) => withReturnTo(path, flow.return_to);
  if (isConfirmation(kind, flow)) {
    return (
      <p class="elsewhere">
        <a href={links.home}>{text('flow.notNow')}</a>
      </p>
    );
  }
  switch (kind) {
    case 'login':
      return (
        <div class="elsewhere">
          <p>
            <a href={to(links.recovery)}>{text('login.forgot')}</a>
          </p>
          <p>{rich('login.newHere', { link: (words) => <a href={to(links.registration)}>{words}</a> })}</p>
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
      // After a recovery Kratos has a session and this gateway hasn't: its start would greet a stranger.
      return (
        <p class="elsewhere">
          <a href={isLoggedIn ? links.home : links.account}>
            {text(isLoggedIn ? 'common.backToAccount' : 'flow.toAccount')}
          </a>
        </p>
      );
  }
}
