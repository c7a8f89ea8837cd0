import type { VNode } from 'preact';
import type { SecondFactorReach } from '../../directory/users/required-factors.js';
import { Layout } from '../../pages/views/layout.view.js';
import { LogOutButton } from '../../pages/views/log-out.view.js';
import { usePage, useTexts } from '../../pages/views/page-props.js';
import { secondFactorTexts } from './second-factor-texts.js';
import { Time } from '../../pages/views/time.view.js';

export interface SecondFactorPageProps {
  /** From when on it is required, in ISO 8601. */
  readonly due: string;
  /** What is closed without it; undefined until it is due. */
  readonly missing: readonly SecondFactorReach[] | undefined;
  /** Slug of the active organisation. */
  readonly org: string | undefined;
  /** Path on this origin. */
  readonly returnTo: string;
  /** Whether the user can set one up here. */
  readonly isPossible: boolean;
}

/** `GET /second-factor`: that a second factor is required, until when, and what leads on. */
export function SecondFactorPage({ due, missing, org, returnTo, isPossible }: SecondFactorPageProps): VNode {
  const { text, rich } = useTexts(secondFactorTexts);
  const { user } = usePage();
  const isDue = missing !== undefined;
  const isClosed = missing?.includes('session') === true;
  const setUp = `/auth/login?${new URLSearchParams({ acr_values: 'aal2', return_to: returnTo })}`;
  return (
    <Layout title={text('secondFactor.title')}>
      <article class="card">
        <header>
          <h1>{text(isDue ? 'secondFactor.title' : 'secondFactor.soonTitle')}</h1>
          <p class="lead">
            {rich(isDue ? 'secondFactor.since' : isPossible ? 'secondFactor.until' : 'secondFactor.from', {
              time: () => <Time iso={due} />,
            })}
          </p>
          {missing?.includes('org') === true && org !== undefined && (
            <p>{text('secondFactor.closedOrg', { org })}</p>
          )}
          {missing?.includes('role') === true && <p>{text('secondFactor.closedRole')}</p>}
          <p>{text(isPossible ? 'secondFactor.how' : 'noFactor.lead')}</p>
        </header>
        <div class="actions">
          {isPossible && (
            <a class="button" href={setUp}>
              {text('secondFactor.setUp')}
            </a>
          )}
          {!isClosed && (
            <a class={isPossible ? 'button secondary' : 'button'} href={returnTo}>
              {text(isDue ? 'secondFactor.without' : 'secondFactor.later')}
            </a>
          )}
        </div>
        {user !== null && (isClosed || !isPossible) && <LogOutButton />}
      </article>
    </Layout>
  );
}
