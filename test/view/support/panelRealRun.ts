// A real run for the visualizer's pictures: the embedded model measures a file of this repository and completes at a place in it, looked at as the panel looks.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadAddon } from '../../../src/binding/load.ts';
import { starterModel } from '../../../src/model/library.ts';
import { Engine } from '../../../src/session/engine.ts';
import { CancelFlag } from '../../../src/shared/cancel.ts';
import type { PanelState } from '../../../src/shared/panelProtocol.ts';
import { measured, panel } from './panelStates.ts';

/** Tokens that the panel measures at most. */
const MOST_TOKENS = 4096;

/** @param line counted from 1; the model writes in place of what stands there behind the blanks, or behind `column` characters */
export async function realRun(file: string, line: number, column: number | undefined, version: string): Promise<PanelState> {
  const text = readFileSync(file, 'utf8');
  const lines = text.split('\n');
  const indent = column === undefined ? /^\s*/.exec(lines[line - 1])![0].length : column - 1;
  const before = [...lines.slice(0, line - 1), lines[line - 1].slice(0, indent)].join('\n');
  const after = `\n${lines.slice(line).join('\n')}`;
  const engine = await Engine.load(loadAddon(resolve('dist')), { model: starterModel(), threads: 2, attention: 'delta', cacheBytes: 1e9, background: false });
  try {
    const report = await engine.inspect({ text, name: file, attention: 'delta', most: MOST_TOKENS }, new CancelFlag());
    const look = () => engine.live({ sample: true });
    look();
    const result = await engine.generate(
      { prompt: { snapshot: { path: file, uri: pathToFileURL(file).href, languageId: 'typescript', before, after } }, max: 64, sampling: { temperature: 0 }, lookup: false }, new CancelFlag(), () => void look(),
    );
    const { looked, ...live } = look();
    const { path: _, uri: __, text: document, ...shares } = looked!;
    const { prefill, decode, queued } = result.ms;
    return panel({
      file: basename(file), measurement: measured(report, { at: Date.now(), lines, version }), live: { ...live, role: 'completion' }, look: { ...shares, written: result.text },
      suggestion: { request: shares.request, name: basename(file), lines: document!.split('\n') }, cache: [{ ...engine.census(), roles: ['completion'] }],
      time: { pause: 0, waiting: 0, ...result.stages, queue: queued, reading: prefill, writing: decode, total: prefill + decode + queued, computed: result.tokens.computed, written: result.tokens.generated },
    });
  } finally {
    await engine.close();
  }
}
