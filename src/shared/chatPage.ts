// The HTML page of the chat view: one style sheet and one script by name, and a policy that lets nothing else in.

export interface ChatPage {
  /** Addresses of dist/chat.js and dist/chat.css, as the webview knows them. */
  script: string;
  style: string;
  /** Another one for every page: letters and digits only. */
  nonce: string;
  /** What the webview calls the origin of its files. */
  cspSource: string;
  /** The user's language, for numbers and for screen readers: "en", "de". */
  language: string;
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What the page may load. Script runs by its nonce alone; strings become HTML only through the two named libraries. */
export function chatPolicy({ nonce, cspSource }: Pick<ChatPage, 'nonce' | 'cspSource'>): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource}`,
    `font-src ${cspSource}`,
    "img-src 'none'",
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types lit-html dompurify',
  ].join('; ');
}

export function chatPage({ script, style, nonce, cspSource, language }: ChatPage): string {
  if (!/^[A-Za-z0-9]{16,}$/.test(nonce)) throw new Error('A nonce has at least 16 letters and digits.');
  return `<!DOCTYPE html>
<html lang="${escaped(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(chatPolicy({ nonce, cspSource }))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>DeltaLLM</title>
<link rel="stylesheet" href="${escaped(style)}">
</head>
<body>
<main id="chat"></main>
<script nonce="${nonce}" src="${escaped(script)}"></script>
</body>
</html>
`;
}
