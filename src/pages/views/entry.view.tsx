import type { ComponentChildren, VNode } from 'preact';

/** One entry of a `<dl>`: a label with its value. */
export function Entry({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
