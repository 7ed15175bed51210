// The HTML page of the chat view.
import { pagePolicy, webviewPage, type WebviewPage } from './webviewPage.ts';

export type ChatPage = WebviewPage;

/** What the page may load. Script runs by its nonce alone; strings become HTML only through the two named libraries. */
export const chatPolicy = ({ nonce, cspSource }: Pick<ChatPage, 'nonce' | 'cspSource'>): string => pagePolicy(`'nonce-${nonce}'`, cspSource, 'lit-html dompurify', cspSource);

export const chatPage = (page: ChatPage): string => webviewPage(page, chatPolicy(page), 'chat');
