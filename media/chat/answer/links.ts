// Which links of an answer are links: pages by http or https, and files by a relative path. Everything else stays text.
import { visible } from './visible.ts';

const MAX_LENGTH = 2048;

/** What the link names, readable; null: no link. */
export function linkTarget(href: string): string | null {
  const target = readable(href);
  if (target === null || target.length > MAX_LENGTH) return null;
  if (/^https?:\/\//i.test(target)) return isPage(target) ? target : null;
  // A path: neither a scheme nor a host nor a fragment; `engine.ts:40` is a file and a line.
  const path = target.replace(/(:\d+){1,2}$|#L\d+(-L?\d+)?$/, '');
  return /^[^:?#\\]+$/.test(path) && !/^(\/\/|#)/.test(path) ? target : null;
}

function readable(href: string): string | null {
  try {
    const text = decodeURI(href);
    return text === '' || /\s/.test(text.replaceAll(' ', '')) || visible(text) !== text ? null : text;
  } catch {
    return null;
  }
}

/** No user name before the host, which would look like the host. */
function isPage(target: string): boolean {
  try {
    const { hostname, username, password } = new URL(target);
    return hostname !== '' && username === '' && password === '';
  } catch {
    return false;
  }
}
