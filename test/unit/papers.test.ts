import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const papers = ['README.md', 'CHANGELOG.md', 'src/README.md', 'src/model/README.md', 'native/README.md', 'models/starter/README.md', ...readdirSync('docs').filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];

/** The targets of a paper's links and pictures, without those of the web. */
const targets = (text: string) => [...text.replace(/```[\s\S]*?```/g, '').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(([, target]) => target).filter((target) => !/^(https?|data):/.test(target));
const anchors = (text: string) => [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => `#${heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-')}`);

describe('the papers', () => {
  it.each(papers)('%s links and shows what exists', (paper) => {
    const text = readFileSync(paper, 'utf8');
    const missing = targets(text).filter((target) => {
      const [path, anchor] = target.split('#');
      const linked = path ? join(dirname(paper), path) : paper;
      return !existsSync(linked) || (anchor !== undefined && !anchors(readFileSync(linked, 'utf8')).includes(`#${anchor}`));
    });
    expect(missing).toEqual([]);
  });
});

describe('the page of the extension in VS Code, which is given nothing but its text', async () => {
  const { extensionPage } = await import(new URL('../../scripts/packaging/extensionPage.mjs', import.meta.url).href);
  const page: string = extensionPage(process.cwd());

  it('shows nothing of the package, and has every link at a chapter of its own', () => {
    expect(page).not.toMatch(/!\[[^\]]*\]\(/);
    expect(targets(page).filter((target) => !anchors(page).includes(target))).toEqual([]);
    expect(page.match(/^# /gm)).toHaveLength(1);
  });

  it('says what a paper refers to that does not exist', () => {
    expect(() => extensionPage(join(process.cwd(), 'test/fixtures/papers'), 'brokenLink.md')).toThrow('brokenLink.md refers to missing.md, which does not exist.');
  });
});
