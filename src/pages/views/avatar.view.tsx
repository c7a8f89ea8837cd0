import type { VNode } from 'preact';

interface AvatarProps {
  /** What the initials come from: a name, else an e-mail address. */
  readonly name: string;
  /** Shown when it is an https or data address; a person's provider chooses it, so the address learns no referrer. */
  readonly picture: string | null;
}

/** A picture over initials, which are seen where there is none, or where it can't be loaded. It is decoration: the name stands beside it. */
export function Avatar({ name, picture }: AvatarProps): VNode {
  const isShown = picture !== null && /^(https:|data:image\/)/i.test(picture);
  const letters = initials(name);
  return (
    <span class="avatar" aria-hidden="true">
      {letters}
      {isShown && (
        <img
          src={picture}
          alt=""
          width="64"
          height="64"
          referrerpolicy="no-referrer"
          data-initials={letters}
        />
      )}
    </span>
  );
}

/** `Ada King Lovelace` → `AL`, `ada@example.com` → `A`; by code point, so that no character is cut in two. */
function initials(name: string): string {
  const words = name.replace(/@.*$/u, '').split(/\s+/u).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => [...(word ?? '')][0] ?? '',
  );
  return letters.join('').toUpperCase() || '?';
}
