import type { ComponentChildren, VNode } from 'preact';

interface ScriptedProps {
  /** Whether the content needs a script. False leaves it as it is. */
  readonly when: boolean;
  readonly children: ComponentChildren;
}

/** Hides content that only works with a script; passkeys.js shows it if the browser supports it. */
export function Scripted({ when, children }: ScriptedProps): VNode {
  return when ? (
    <div hidden data-scripted>
      {children}
    </div>
  ) : (
    <>{children}</>
  );
}
