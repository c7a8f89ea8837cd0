/** The redirect URI that Hydra has of an application whose users may log in on devices, beside its own. */
export function deviceCallbackAt(publicUrl: string): string {
  return `${publicUrl}/device/callback`;
}
