import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import { useLanguage } from './page-props.js';

export interface ErrorPageProps {
  /** What happened, in a few words. */
  readonly title: string;
  /** What the person can do now. */
  readonly advice: string;
  /** Code from the error catalogue. */
  readonly code: string;
  /** For support: identifies the request in the logs. */
  readonly requestId?: string | null | undefined;
  /** Links to continue, the first one as the main button. Default: a link to the start. */
  readonly actions?: readonly { readonly label: string; readonly href: string }[] | undefined;
  /** Whether the header offers no login, because none would help there. Default false. */
  readonly isWithoutLogin?: boolean | undefined;
}

/** The page that browsers get instead of problem+json. */
export function ErrorPage({
  title,
  advice,
  code,
  requestId,
  actions = [],
  isWithoutLogin = false,
}: ErrorPageProps): VNode {
  const { text } = useLanguage();
  const ways = actions.length > 0 ? actions : [{ label: text('common.backToStart'), href: '/' }];
  return (
    <Layout title={title} visitorLinks={isWithoutLogin ? null : undefined}>
      <article class="card">
        <h1>{title}</h1>
        <p class="lead">{advice}</p>
        <p class="actions">
          {ways.map(({ label, href }, index) => (
            <a key={index} class={index === 0 ? 'button' : 'button secondary'} href={href}>
              {label}
            </a>
          ))}
        </p>
        <dl class="small">
          <div>
            <dt>{text('error.code')}</dt>
            <dd>
              <code>{code}</code>
            </dd>
          </div>
          {requestId && (
            <div>
              <dt>{text('error.requestId')}</dt>
              <dd>
                <code>{requestId}</code>
              </dd>
            </div>
          )}
        </dl>
      </article>
    </Layout>
  );
}
