// The licences of other people's work in the package.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, StepError } from '../steps.mjs';

/** Packages that the registry has without the text of their licence. */
const holders = { 'onnxruntime-node': 'Microsoft Corporation', 'onnxruntime-common': 'Microsoft Corporation' };
const remarks = { 'onnxruntime-node': 'Its library contains further packages: https://github.com/microsoft/onnxruntime/blob/main/ThirdPartyNotices.txt lists them.' };

const mit = (/** @type {string} */ holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** @param {string[]} folders of packages, in the repository */
export function notices(folders) {
  const parts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying|notice)/i.test(entry));
    const holder = /** @type {Record<string, string>} */ (holders)[name];
    if (!file && !(holder && license === 'MIT')) throw new StepError(`${name} comes without the text of its licence (${license}): scripts/packaging/notices.mjs must have it.`);
    const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : mit(holder);
    const remark = /** @type {Record<string, string>} */ (remarks)[name];
    return `${name} ${version} (${license})\n\n${text}\n${remark ? `\n${remark}\n` : ''}`;
  });
  return `DeltaLLM contains the following packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
