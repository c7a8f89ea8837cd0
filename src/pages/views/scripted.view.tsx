import type { ComponentChildren, VNode } from 'preact';

interface ScriptedProps {
  /** False leaves the content as it is. */
  readonly when: boolean;
  readonly children: ComponentChildren;
}

/** Holds what only works by a script: passkeys.js shows it where the browser can do it. */
export function Scripted({ when, children }: ScriptedProps): VNode {
  return when ? (
    <div hidden data-scripted>
      {children}
    </div>
  ) : (
    <>{children}</>
  );
}
