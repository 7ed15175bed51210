// The address in `deltallm.remote.url` as requests need it.

/** Without `/v1` and slashes at its end, which people copy with it, and without what is no part of an address; null where it is none. */
export function addressIn(setting: string): string | null {
  const text = setting.trim();
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  // A password in an address ends in logs: there is a command for the key.
  if (url.username !== '' || url.password !== '' || url.hostname === '') return null;
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}`.replace(/\/+$/, '');
}
