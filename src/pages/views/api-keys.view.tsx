import type { VNode } from 'preact';
import { Layout } from './layout.view.js';
import type { PageAssets, PageUser } from './page.props.js';
import { Time } from './time.view.js';

/** How long a key can live, as the form offers it: days, or no end. */
export const keyLives = ['30', '90', '365', 'never'] as const;

export type KeyLife = (typeof keyLives)[number];

const lifeTexts: Readonly<Record<KeyLife, string>> = {
  '30': '30 days',
  '90': '90 days',
  '365': 'A year',
  never: 'No end',
};

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  /** Space-separated. */
  readonly scope: string;
  /** ISO 8601; null: no end. */
  readonly expiresAt: string | null;
  /** ISO 8601; null: never. */
  readonly lastUsedAt: string | null;
}

export interface ApiKeysProps {
  /** Oldest first; undefined when they can't be read now. */
  readonly keys: readonly ListedKey[] | undefined;
}

/** A person's API keys, with a button to revoke each, and a form for a new one. Plain forms: no script is needed. */
export function ApiKeys({ keys }: ApiKeysProps): VNode {
  return (
    <article class="card sessions" aria-labelledby="api-keys-title">
      <h2 id="api-keys-title">API keys</h2>
      <p class="lead">For programs that call the API as you.</p>
      {keys === undefined ? (
        <p>The list of your API keys can't be shown right now. Please try again in a moment.</p>
      ) : (
        <>
          {keys.length > 0 && (
            <ul>
              {keys.map((key, index) => (
                <KeyEntry key={key.id} entry={key} detailsId={`api-key-${index + 1}`} />
              ))}
            </ul>
          )}
          <NewKey />
        </>
      )}
    </article>
  );
}

function KeyEntry({
  entry: { id, name, prefix, scope, expiresAt, lastUsedAt },
  detailsId,
}: {
  readonly entry: ListedKey;
  /** Tells buttons of keys with the same name apart. */
  readonly detailsId: string;
}): VNode {
  return (
    <li>
      <div>
        <p class="key-name">
          <strong>{name}</strong>
        </p>
        <p class="details" id={detailsId}>
          <code>{prefix.slice(0, 12)}…</code> may <code>{scope}</code>
          <br />
          {lastUsedAt === null ? 'Never used' : ['Last used ', <Time iso={lastUsedAt} key="time" />]},{' '}
          {expiresAt === null ? 'no end' : ['ends ', <Time iso={expiresAt} key="time" />]}
        </p>
      </div>
      <form method="post" action={`/account/api-keys/${encodeURIComponent(id)}/revoke`}>
        <button
          type="submit"
          class="secondary"
          aria-label={`Revoke API key: ${name}`}
          aria-describedby={detailsId}
        >
          Revoke
        </button>
      </form>
    </li>
  );
}

function NewKey(): VNode {
  return (
    <details>
      <summary>New API key</summary>
      <form method="post" action="/account/api-keys">
        <div class="field">
          <label for="api-key-name">Name</label>
          <input id="api-key-name" name="name" type="text" required maxLength={200} autocomplete="off" />
        </div>
        <div class="field">
          <label for="api-key-scope">Scope</label>
          <input
            id="api-key-scope"
            name="scope"
            type="text"
            required
            maxLength={2000}
            value="profile:read"
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            aria-describedby="api-key-scope-hint"
          />
          <p class="field-message" id="api-key-scope-hint">
            What the key may do, separated by blanks, such as <code>profile:read orgs:read</code>;{' '}
            <code>api</code> is everything that you may do.
          </p>
        </div>
        <div class="field">
          <label for="api-key-life">Ends after</label>
          <select id="api-key-life" name="life">
            {keyLives.map((life) => (
              <option key={life} value={life} selected={life === '90'}>
                {lifeTexts[life]}
              </option>
            ))}
          </select>
        </div>
        <button type="submit">Create key</button>
      </form>
    </details>
  );
}

export interface CreatedKeyPageProps {
  readonly assets: PageAssets;
  readonly user: PageUser;
  readonly name: string;
  /** The key itself. */
  readonly value: string;
}

/** Shows a key that has just been made, once. */
export function CreatedKeyPage({ assets, user, name, value }: CreatedKeyPageProps): VNode {
  return (
    <Layout title="Your new API key" assets={assets} user={user}>
      <article class="card">
        <h1>Your new API key</h1>
        <p class="lead">{name}</p>
        <p class="notice info" role="status">
          Copy it now: it isn't shown again. Whoever has it can act as you within its scope.
        </p>
        <div class="field">
          <label for="api-key-value">Key</label>
          <input
            id="api-key-value"
            type="text"
            readonly
            value={value}
            autocomplete="off"
            spellcheck={false}
          />
        </div>
        <div class="actions">
          <a class="button" href="/">
            Back to your account
          </a>
        </div>
      </article>
    </Layout>
  );
}
