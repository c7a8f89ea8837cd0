import type { Flow, InputNode } from '../flow.parser.js';
import { type FormPlan, hasErrors, isField } from './flow-plan.js';

/**
 * The field that has the focus when a page opens: the first one that is still empty. Undefined if a field has an error, which
 * has the focus then, or if everything is filled in.
 */
export function firstField(flow: Flow, plan: FormPlan | undefined): InputNode | undefined {
  if (plan === undefined || hasErrors({ ...flow, ui: { ...flow.ui, messages: [] } })) return undefined;
  const [section = []] = plan.sections;
  return section.filter(isField).find(({ attributes: { type, value, disabled } }) => {
    const isEmpty = type === 'password' || value === undefined || value === '';
    return isEmpty && type !== 'checkbox' && !disabled;
  });
}
