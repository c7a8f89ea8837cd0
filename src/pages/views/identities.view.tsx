import type { ComponentChildren, VNode } from 'preact';
import { useLanguage } from './page.props.js';
import { Time } from './time.view.js';

export interface ListedIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** ISO 8601. */
  readonly lastLoginAt: string;
}

/** Who somebody is at login providers. */
export function Identities({
  identities,
  children,
}: {
  /** Oldest first; undefined when they can't be read now. */
  readonly identities: readonly ListedIdentity[] | undefined;
  readonly children?: ComponentChildren;
}): VNode {
  const { text, rich } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="identities-title">
      <h2 id="identities-title">{text('identities.title')}</h2>
      {identities === undefined && <p>{text('identities.unknown')}</p>}
      {identities?.length === 0 && <p>{text('identities.none')}</p>}
      {identities !== undefined && identities.length > 0 && (
        <ul>
          {identities.map(({ issuer, subject, lastLoginAt }) => (
            <li key={`${issuer} ${subject}`}>
              <div>
                <p>
                  {rich('identities.identity', {
                    subject: () => <code>{subject}</code>,
                    issuer: () => <code>{issuer}</code>,
                  })}
                </p>
                <p class="details">{rich('identities.used', { time: () => <Time iso={lastLoginAt} /> })}</p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {children}
    </article>
  );
}
