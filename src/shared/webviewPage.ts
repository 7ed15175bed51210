// The HTML page of a webview: one style sheet and one script by name, and a policy that lets nothing else in.

export interface WebviewPage {
  /** Addresses of the page's script and style sheet in dist, as the webview knows them. */
  script: string;
  style: string;
  /** Another one for every page: letters and digits only. */
  nonce: string;
  /** What the webview calls the origin of its files. */
  cspSource: string;
  /** The user's language, for numbers and for screen readers: "en", "de". */
  language: string;
}

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What a page may load, given what its script and style are known by. Strings become HTML only through the named libraries; `fonts`: where fonts come from, if any are used. */
export function pagePolicy(script: string, style: string, libraries: string, fonts?: string): string {
  return [
    "default-src 'none'",
    `script-src ${script}`,
    `style-src ${style}`,
    ...(fonts === undefined ? [] : [`font-src ${fonts}`]),
    "img-src 'none'",
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${libraries}`,
  ].join('; ');
}

/** The page with a policy of its own, whose content stands in the element with the id `main`. */
export function webviewPage({ script, style, nonce, language }: WebviewPage, policy: string, main: string): string {
  if (!/^[A-Za-z0-9]{16,}$/.test(nonce)) throw new Error('A nonce has at least 16 letters and digits.');
  return htmlPage({
    language, policy, title: 'DeltaLLM',
    style: `<link rel="stylesheet" href="${escaped(style)}">`,
    body: `<body>
<main id="${main}"></main>
<script nonce="${nonce}" src="${escaped(script)}"></script>
</body>`,
  });
}

/** What a page of ours is made of; `style` and `body` are elements. */
interface HtmlPage {
  language: string;
  policy: string;
  title: string;
  style: string;
  body: string;
}

export const htmlPage = ({ language, policy, title, style, body }: HtmlPage): string => `<!DOCTYPE html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
${style}
</head>
${body}
</html>
`;
