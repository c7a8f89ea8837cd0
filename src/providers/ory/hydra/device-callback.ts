/** Path of the page to which Hydra sends a browser when its user has let a device log in. */
export const deviceCallbackRoute = 'device/callback';

/** The redirect URI that Hydra has of an application whose users may log in on devices, beside its own. */
export function deviceCallbackAt(publicUrl: string): string {
  return `${publicUrl}/${deviceCallbackRoute}`;
}
