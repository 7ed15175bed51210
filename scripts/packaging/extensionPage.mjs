// The page that VS Code shows of the extension. It is given the text of README.md and nothing else of the package: only a picture of the web is shown there
// (VS Code drops one of the package, and data in its place), and a link to another paper leads nowhere. So the packaged README has no pictures, and the papers
// that it links are chapters at its end.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';

const LINK = /(!?)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)/g;

/** The anchor that VS Code, like GitHub, gives a heading. @param {string} heading */
const anchorOf = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');

/** @param {string} text @param {(line: string) => string} change of a line outside fenced code */
function outsideCode(text, change) {
  let fenced = false;
  return text.split('\n').map((line) => {
    if (line.startsWith('```')) fenced = !fenced;
    return fenced ? line : change(line);
  }).join('\n');
}

/**
 * README.md as one page. Throws where it shows or links what does not exist.
 * @param {string} root the folder of the checkout
 * @param {string} [path] of the page, from there
 */
export function extensionPage(root, path = 'README.md') {
  /** The papers by their paths, in the order of their first links. @type {Map<string, { anchor: string, text: string }>} */
  const papers = new Map();
  /** @param {string} from @param {string} text */
  const inline = (from, text) =>
    outsideCode(text, (line) =>
      line.replace(LINK, (_, picture, words, target, anchor) => {
        const linked = normalize(join(dirname(from), target)).replaceAll('\\', '/');
        if (!existsSync(join(root, linked))) throw new Error(`${from} refers to ${linked}, which does not exist.`);
        if (picture) return '';
        if (extname(linked) !== '.md') return words;
        return `[${words}](${anchor ?? `#${chapter(linked)}`})`;
      }));

  /** @param {string} linked the paper's anchor, and the paper itself among the chapters */
  const chapter = (linked) => {
    const known = papers.get(linked);
    if (known) return known.anchor;
    const text = readFileSync(join(root, linked), 'utf8');
    const paper = { anchor: anchorOf(/^# (.*)$/m.exec(text)?.[1] ?? linked), text: '' };
    papers.set(linked, paper);
    // One level lower each: there is one title on a page.
    paper.text = outsideCode(inline(linked, text), (line) => line.replace(/^(#{1,5}) /, '#$1 ')).trim();
    return paper.anchor;
  };

  const page = inline(path, readFileSync(join(root, path), 'utf8')).trim();
  return `${[page.replace(/\n{3,}/g, '\n\n'), ...[...papers.values()].map(({ text }) => text)].join('\n\n')}\n`;
}
