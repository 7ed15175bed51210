// Markdown of a model, turned into nodes of the page. Nothing of it is trusted: no HTML, no images, a short list of elements, links only by what they name.
import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';
import { linkTarget } from './links.ts';

export const markdown = new MarkdownIt('default', { html: false, linkify: true, typographer: false, maxNesting: 24 });
// A definition at the end would change what is finished long ago: it stays a line of its own, whose address is a link as every other bare one.
markdown.disable('reference');
// With its scheme: what only looks like an address is a name more often than not.
markdown.linkify.set({ fuzzyLink: false, fuzzyIP: false, fuzzyEmail: false });
for (const scheme of ['ftp:', 'mailto:', '//']) markdown.linkify.add(scheme, null);
markdown.validateLink = (href) => linkTarget(href) !== null;
markdown.renderer.rules.image = (tokens, index) => markdown.utils.escapeHtml(tokens[index].content);
for (const rule of ['fence', 'code_block'] as const) {
  markdown.renderer.rules[rule] = (tokens, index, _options, env) => {
    (env as Collected).codes.push({ language: languageOf(tokens[index].info), text: tokens[index].content });
    return '<pre></pre>\n';
  };
}
markdown.core.ruler.push('plainer', ({ tokens }) => {
  for (const token of tokens) {
    // Models jump between levels as they like; below the heading of the page, all of an answer's are equal.
    if (token.type.startsWith('heading_')) token.tag = 'h2';
    const align = /text-align:(\w+)/.exec(String(token.attrGet('style') ?? ''))?.[1];
    if (token.attrs) token.attrs = token.attrs.filter(([name]) => name !== 'style');
    if (align) token.attrSet('align', align);
  }
});

/** What rendering leaves for the places of code. */
type Collected = { codes: { language: string; text: string }[] };

export const languageOf = (info: string): string => /^[\w+#.-]{1,24}/.exec(info.trim())?.[0].toLowerCase() ?? '';

const allowed = {
  ALLOWED_TAGS: ['p', 'br', 'strong', 'em', 's', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'h2', 'hr', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'a'],
  ALLOWED_ATTR: ['href', 'start', 'align'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
} as const;

/**
 * Nodes for one finished or open block. `code` makes what stands in the place of a code block within a list or a quote, `wide` what a table lies in.
 * The only place where text becomes elements by being parsed.
 */
export function nodesOf(source: string, { code, wide }: { code: (language: string, text: string) => Node; wide: (table: Element) => Node }): DocumentFragment {
  const env: Collected = { codes: [] };
  const fragment = DOMPurify.sanitize(markdown.render(source, env), { ...allowed, ALLOWED_TAGS: [...allowed.ALLOWED_TAGS], ALLOWED_ATTR: [...allowed.ALLOWED_ATTR] });
  for (const [index, pre] of [...fragment.querySelectorAll('pre')].entries()) {
    const found = env.codes[index];
    if (found) pre.replaceWith(code(found.language, found.text));
  }
  for (const table of fragment.querySelectorAll('table')) {
    const place = document.createComment('');
    table.replaceWith(place);
    place.replaceWith(wide(table));
  }
  for (const link of fragment.querySelectorAll('a')) tame(link);
  return fragment;
}

/** A link that cannot lead anywhere by itself: without an address, with its target written beside its text. */
function tame(link: HTMLAnchorElement): void {
  const target = linkTarget(link.getAttribute('href') ?? '');
  if (target === null) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.removeAttribute('href');
  link.dataset.target = target;
  link.tabIndex = 0;
  link.setAttribute('role', 'link');
  link.title = target;
  const shown = link.textContent?.trim() ?? '';
  if (shown === target || shown === target.replace(/^https?:\/\//, '')) return;
  const aside = document.createElement('span');
  aside.className = 'target';
  aside.textContent = ` (${shortened(target)})`;
  link.after(aside);
}

/** The host of an address always stays readable. */
function shortened(target: string): string {
  const [, host] = /^(https?:\/\/[^/?#]*)/i.exec(target) ?? [];
  const least = host ? host.length + 1 : 0;
  return target.length <= Math.max(48, least) ? target : `${target.slice(0, Math.max(47, least))}…`;
}
