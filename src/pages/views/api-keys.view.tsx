import type { VNode } from 'preact';
import { CopyField } from './copy-field.view.js';
import type { FormState } from './form-state.js';
import { NewKey } from './key-form.view.js';
import { Layout } from './layout.view.js';
import { useLanguage } from './page-props.js';
import { Time } from './time.view.js';

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  /** Scopes, separated by spaces. */
  readonly scope: string;
  /** ISO 8601; null if it never expires. */
  readonly expiresAt: string | null;
  /** ISO 8601; null if it was never used. */
  readonly lastUsedAt: string | null;
}

export interface ApiKeysProps {
  /** Oldest first; undefined if they can't be read now. */
  readonly keys: readonly ListedKey[] | undefined;
  /** The refused form for a new key, with its errors. */
  readonly form?: FormState | undefined;
}

/** A person's API keys, with a button to revoke each, and a form for a new one. It needs no script. */
export function ApiKeys({ keys, form }: ApiKeysProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="api-keys-title">
      <h2 id="api-keys-title">{text('keys.title')}</h2>
      <p class="lead">{text('keys.lead')}</p>
      {keys === undefined ? (
        <p>{text('keys.unknown')}</p>
      ) : (
        <>
          <KeyList keys={keys} revokeAt="/account/api-keys" />
          <NewKey action="/account/api-keys" form={form} />
        </>
      )}
    </article>
  );
}

export interface KeyListProps {
  readonly keys: readonly (ListedKey & { readonly role?: 'member' | 'admin' | null })[];
  /** Base path of the forms of each key, such as `/account/api-keys`. */
  readonly revokeAt: string;
}

/** API keys, each with a button to revoke it. */
export function KeyList({ keys, revokeAt }: KeyListProps): VNode | null {
  return keys.length === 0 ? null : (
    <ul>
      {keys.map((key, index) => (
        <KeyEntry key={key.id} entry={key} revokeAt={revokeAt} detailsId={`api-key-${index + 1}`} />
      ))}
    </ul>
  );
}

function KeyEntry({
  entry: { id, name, prefix, scope, expiresAt, lastUsedAt, role },
  revokeAt,
  detailsId,
}: {
  readonly entry: KeyListProps['keys'][number];
  readonly revokeAt: string;
  /** Id of the details, which distinguish the buttons of keys with the same name. */
  readonly detailsId: string;
}): VNode {
  const { text, rich } = useLanguage();
  return (
    <li>
      <div>
        <p class="key-name">
          <strong>{name}</strong> {role && <span class="badge">{text(`orgs.role.${role}`)}</span>}
        </p>
        <p class="details" id={detailsId}>
          {rich('keys.may', {
            prefix: () => <code>{prefix.slice(0, 12)}…</code>,
            scope: () => <code>{scope}</code>,
          })}
          <br />
          {lastUsedAt === null
            ? text('keys.neverUsed')
            : rich('keys.lastUsed', { time: () => <Time iso={lastUsedAt} /> })}
          {', '}
          {expiresAt === null
            ? text('keys.noEnd')
            : rich('keys.ends', { time: () => <Time iso={expiresAt} /> })}
        </p>
      </div>
      <form method="post" action={`${revokeAt}/${encodeURIComponent(id)}/revoke`}>
        <button
          type="submit"
          class="secondary danger"
          aria-label={text('keys.revokeNamed', { name })}
          aria-describedby={detailsId}
        >
          {text('keys.revoke')}
        </button>
      </form>
    </li>
  );
}

export interface CreatedKeyPageProps {
  readonly name: string;
  /** The key itself. */
  readonly value: string;
  /** The organisation's page to return to; undefined for a person's own key. */
  readonly org?: { readonly name: string; readonly href: string } | undefined;
}

/** Shows a new API key. It can't be shown again. */
export function CreatedKeyPage({ name, value, org }: CreatedKeyPageProps): VNode {
  const { text } = useLanguage();
  return (
    <Layout title={text('keys.created.title')}>
      <article class="card">
        <h1>{text('keys.created.title')}</h1>
        <p class="lead">{name}</p>
        <p class="notice info" role="status">
          {org === undefined
            ? text('keys.created.advice')
            : text('keys.created.adviceOrg', { name: org.name })}
        </p>
        <CopyField id="api-key-value" label={text('keys.created.label')} value={value} />
        <div class="actions">
          <a class="button" href={org === undefined ? '/' : org.href}>
            {text(org === undefined ? 'common.backToAccount' : 'orgs.back')}
          </a>
        </div>
      </article>
    </Layout>
  );
}
