import type { ComponentChildren, VNode } from 'preact';
import { DecisionButtons } from '../../pages/views/decision-buttons.view.js';
import { FormField } from '../../pages/views/form-field.view.js';
import { Layout } from '../../pages/views/layout.view.js';
import { usePage, useTexts } from '../../pages/views/page-props.js';
import { Time } from '../../pages/views/time.view.js';
import { deviceTexts } from './device-texts.js';

export interface DeviceCodePageProps {
  /** What was typed before, or came with the link. */
  readonly typed: string | undefined;
  /** Whether it is no device's code. */
  readonly isRefused?: boolean;
}

/** Asks for the code that a device shows. */
export function DeviceCodePage({ typed, isRefused = false }: DeviceCodePageProps): VNode {
  const { text } = useTexts(deviceTexts);
  return (
    <Layout title={text('deviceLogin.title')}>
      <article class="card">
        <header>
          <h1>{text('deviceLogin.title')}</h1>
          <p class="lead">{text('deviceLogin.lead')}</p>
        </header>
        <form class="flow" method="post" action="/device">
          {isRefused && (
            <p class="notice error" role="alert">
              {text('deviceLogin.unknown')}
            </p>
          )}
          <FormField
            id="user-code"
            name="user_code"
            label={text('deviceLogin.code')}
            initial={typed}
            maxLength={40}
            isVerbatim
          />
          <button type="submit">{text('deviceLogin.next')}</button>
        </form>
      </article>
    </Layout>
  );
}

export interface DeviceConfirmationPageProps {
  /** As the device shows it. */
  readonly code: string;
  /** Name of the client. */
  readonly client: string;
  /** Whether it could do all that the user can do. */
  readonly hasEverything: boolean;
  /** Where and when the device asked, in ISO 8601. */
  readonly askedFrom: string;
  readonly askedAt: string;
  /** Id of the session in which this page is shown. */
  readonly session: string;
}

/** Asks whether a device may be logged in (RFC 8628 section 5.4: by what the user sees on it). */
export function DeviceConfirmationPage(props: DeviceConfirmationPageProps): VNode {
  const { code, client, hasEverything, askedFrom, askedAt, session } = props;
  const { user } = usePage();
  const { text, rich } = useTexts(deviceTexts);
  const strong = (words: ComponentChildren): VNode => <strong>{words}</strong>;
  return (
    <Layout title={text('deviceLogin.title')}>
      <article class="card">
        <header>
          <h1>{rich('deviceLogin.heading', { code, strong })}</h1>
          <p class="lead">
            {user?.email ? `${text('common.loggedInAs', { email: user.email })} ` : ''}
            {rich('deviceLogin.asked', {
              client,
              address: askedFrom,
              strong,
              time: () => <Time iso={askedAt} />,
            })}
          </p>
          {hasEverything && <p>{text('deviceLogin.everything')}</p>}
          <p class="notice" role="note">
            {text('deviceLogin.warning')}
          </p>
        </header>
        <form class="flow" method="post" action="/device/decision">
          <input type="hidden" name="user_code" value={code} />
          <input type="hidden" name="session" value={session} />
          <DecisionButtons />
        </form>
      </article>
    </Layout>
  );
}

/** What has become of a login: the device may have its tokens, the user or Hydra has refused it, or it is over. */
export type DeviceOutcome = 'done' | 'denied' | 'failed';

/** Tells a user what has become of a device's login. */
export function DeviceOutcomePage({ outcome }: { readonly outcome: DeviceOutcome }): VNode {
  const { text } = useTexts(deviceTexts);
  return (
    <Layout title={text('deviceLogin.title')}>
      <article class="card">
        <header>
          <h1>{text(`deviceLogin.${outcome}.title`)}</h1>
          <p class="lead">{text(`deviceLogin.${outcome}.lead`)}</p>
        </header>
        {outcome === 'failed' && (
          <div class="actions">
            <a class="button" href="/device">
              {text('deviceLogin.again')}
            </a>
          </div>
        )}
      </article>
    </Layout>
  );
}
