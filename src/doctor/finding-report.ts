import type { Finding } from './doctor.service.js';

/** Renders findings as lines for a person; exactly `all good` if there are none. */
export function renderReport(findings: readonly Finding[]): readonly string[] {
  if (findings.length === 0) {
    return ['all good'];
  }
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const fixable = findings.filter((finding) => finding.fixable).length;
  return [
    ...findings.flatMap(({ code, severity, title, detail, fix }) => [
      `${severity.padEnd(7)}  ${code}`,
      `         ${title}${detail === '' ? '.' : `: ${detail}`}`,
      `         ${fix}`,
      '',
    ]),
    `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}.`,
    ...(errors === 0 ? ['Warnings alone: the exit code is 0.'] : []),
    ...(fixable === 0
      ? []
      : [`\`vestibule doctor --fix\` mends ${fixable === findings.length ? 'this' : `${fixable} of them`}.`]),
  ];
}

/** Whether any finding is an error. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
