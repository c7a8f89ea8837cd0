import type { Flow, InputNode } from '../flow.parser.js';
import { type FormPlan, hasErrors, isField } from './flow.plan.js';

/**
 * The field that a page begins with: the first one that is still empty. None where a field has to be mended, which has the focus
 * then, or where everything is filled in.
 */
export function firstField(flow: Flow, plan: FormPlan | undefined): InputNode | undefined {
  if (plan === undefined || hasErrors({ ...flow, ui: { ...flow.ui, messages: [] } })) return undefined;
  const [section = []] = plan.sections;
  return section.filter(isField).find(({ attributes: { type, value, disabled } }) => {
    const isEmpty = type === 'password' || value === undefined || value === '';
    return isEmpty && type !== 'checkbox' && !disabled;
  });
}
