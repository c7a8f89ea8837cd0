import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';
import { Time } from './time.view.js';

export interface ListedIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** ISO 8601. */
  readonly lastLoginAt: string;
}

interface IdentitiesProps {
  /** Oldest first; undefined if they can't be read now. */
  readonly identities: readonly ListedIdentity[] | undefined;
}

/** A card with a user's identities at login providers. */
export function Identities({ identities }: IdentitiesProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="identities-title">
      <h2 id="identities-title">{text('identities.title')}</h2>
      <IdentityEntries identities={identities} />
    </article>
  );
}

/** A list of a user's identities at login providers. */
export function IdentityEntries({ identities }: IdentitiesProps): VNode {
  const { text, rich } = useLanguage();
  if (identities === undefined || identities.length === 0) {
    return <p>{text(identities === undefined ? 'identities.unknown' : 'identities.none')}</p>;
  }
  return (
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
  );
}
