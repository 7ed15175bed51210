// The HTML page of the models.
import { pagePolicy, webviewPage, type WebviewPage } from './webviewPage.ts';

export const modelsPage = (page: WebviewPage): string => webviewPage(page, pagePolicy(`'nonce-${page.nonce}'`, page.cspSource, 'lit-html'), 'models');
