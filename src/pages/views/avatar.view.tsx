import type { VNode } from 'preact';

interface AvatarProps {
  /** Source of the initials: a name, else an e-mail address. */
  readonly name: string;
  /** Shown if it's an https or `data:image/` URL. The person's provider chooses it, so no referrer is sent to it. */
  readonly picture: string | null;
}

/** A picture, or initials if there is none or it can't be loaded. It's decorative, because the name is next to it. */
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

/** Initials: `Ada King Lovelace` → `AL`, `ada@example.com` → `A`. By code point, so that no character is split. */
function initials(name: string): string {
  const words = name.replace(/@.*$/u, '').split(/\s+/u).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map(
    (word) => [...(word ?? '')][0] ?? '',
  );
  return letters.join('').toUpperCase() || '?';
}
