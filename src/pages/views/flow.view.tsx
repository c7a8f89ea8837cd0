import { Fragment, type VNode } from 'preact';
import type { Flow, FlowNode } from '../flow.parser.js';
import { FlowForm } from './flow-form.view.js';
import { FlowMessages } from './flow-message.view.js';
import { type FlowKind, type FormPlan, isSubmit, planForms } from './flow.plan.js';
import { headline, isConfirmation, lacksSecondStep, sectionHeading } from './flow.wording.js';
import { Layout } from './layout.view.js';
import type { PageAssets, PageUser } from './page.props.js';

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
  readonly assets: PageAssets;
  readonly links: FlowLinks;
  readonly user?: PageUser | null | undefined;
}

/** A self-service page, rendered from whatever nodes the flow has. */
export function FlowPage({ kind, flow, assets, links, user }: FlowPageProps): VNode {
  const { title, lead } = headline(kind, flow);
  const plans = planForms(kind, kind === 'verification' ? withAddress(flow.ui.nodes, user) : flow.ui.nodes);
  const hasError = [flow.ui, ...flow.ui.nodes].some(({ messages }) =>
    messages.some(({ type }) => type === 'error'),
  );
  const isUsable = plans.some(({ sections }) =>
    sections.flat().some((node) => isSubmit(node) || node.type === 'a'),
  );
  if (lacksSecondStep(kind, flow, isUsable)) {
    return <SecondStepMissing flow={flow} assets={assets} links={links} user={user} />;
  }
  return (
    <Layout title={hasError ? `Error: ${title}` : title} assets={assets} user={user}>
      <article class="card">
        <header>
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </header>
        <FlowMessages messages={flow.ui.messages} />
        {kind === 'settings' ? (
          plans.map((plan, index) => (
            <SettingsSection key={index} flow={flow} plan={plan} id={`form-${index}`} />
          ))
        ) : (
          <Ways kind={kind} flow={flow} plans={plans} />
        )}
        {!isUsable && (
          <p class="notice info">
            There is nothing to fill in here. Your account may use a way of logging in that this page can't
            offer.
          </p>
        )}
      </article>
      <Elsewhere kind={kind} flow={flow} links={links} isLoggedIn={Boolean(user)} />
    </Layout>
  );
}

/** The way on for somebody whose account has no second step yet: once it has, the settings lead back to what needed it. */
function SecondStepMissing({ flow, assets, links, user }: Omit<FlowPageProps, 'kind'>): VNode {
  const title = 'A second step is needed';
  return (
    <Layout title={title} assets={assets} user={user}>
      <article class="card">
        <h1>{title}</h1>
        <p class="lead">
          What you want to do is protected by a second step, and your account has none yet. Set up an
          authenticator app or backup codes in your settings; then you can go on.
        </p>
        <p class="actions">
          <a class="button" href={withReturnTo(links.settings, flow.return_to)}>
            Set up a second step
          </a>
          <a class="button secondary" href={links.home}>
            Not now
          </a>
        </p>
      </article>
    </Layout>
  );
}

/** Kratos asks for the address to verify, also when it can only be the one of the person who is logged in. */
function withAddress(nodes: readonly FlowNode[], user: PageUser | null | undefined): readonly FlowNode[] {
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
  const main = plans.find((plan) => !plan.social);
  return (
    <>
      {plans.map((plan, index) => (
        <Fragment key={index}>
          {index > 0 && !plan.back && <p class="divider">or</p>}
          <FlowForm kind={kind} flow={flow} plan={plan} id={`form-${index}`} primary={plan === main} />
        </Fragment>
      ))}
    </>
  );
}

function SettingsSection({
  flow,
  plan,
  id,
}: {
  readonly flow: Flow;
  readonly plan: FormPlan;
  readonly id: string;
}): VNode {
  return (
    <section aria-labelledby={`${id}-heading`}>
      <h2 id={`${id}-heading`}>{sectionHeading(plan.group)}</h2>
      <FlowForm kind="settings" flow={flow} plan={plan} id={id} primary={plan.group === 'profile'} />
    </section>
  );
}

/** Keeps where the person wanted to go. The value is Kratos' own and was checked against its allow-list. */
function withReturnTo(path: string, returnTo: string | undefined): string {
  if (!returnTo) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams({ return_to: returnTo })}`;
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
  const to = (path: string) => withReturnTo(path, flow.return_to);
  if (isConfirmation(kind, flow)) {
    return (
      <p class="elsewhere">
        <a href={links.home}>Not now</a>
      </p>
    );
  }
  switch (kind) {
    case 'login':
      return (
        <div class="elsewhere">
          <p>
            <a href={to(links.recovery)}>Forgot your password?</a>
          </p>
          <p>
            New here? <a href={to(links.registration)}>Sign up</a>
          </p>
        </div>
      );
    case 'registration':
      return (
        <p class="elsewhere">
          Already have an account? <a href={to(links.login)}>Log in</a>
        </p>
      );
    case 'recovery':
      return (
        <p class="elsewhere">
          <a href={to(links.login)}>Back to log in</a>
        </p>
      );
    case 'verification':
    case 'settings':
      // After a recovery Kratos has a session and this gateway hasn't: its start would greet a stranger.
      return (
        <p class="elsewhere">
          <a href={isLoggedIn ? links.home : links.account}>
            {isLoggedIn ? 'Back to your account' : 'Go to your account'}
          </a>
        </p>
      );
  }
}
