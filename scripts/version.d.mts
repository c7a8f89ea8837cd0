/** The version of a build, with the commit between releases. */
export function buildVersion(): string;
