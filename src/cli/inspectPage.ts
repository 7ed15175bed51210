// `deltallm inspect --html F`: the visualizer's view as one file that opens without an editor, with script, style and figures in it.
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import type { InspectReport } from '../shared/inspectReport.ts';
import { packageRoot, packageVersion } from '../shared/packageRoot.ts';
import { standalonePage } from '../shared/panelPage.ts';
import type { PanelState } from '../shared/panelProtocol.ts';

const codeOf = (thrown: unknown): string => String((thrown as NodeJS.ErrnoException).code);

export class InspectPage {
  private readonly script: string;
  private readonly style: string;

  /** Reads what the file is made of and looks whether it can be written, before minutes are spent on measuring. Throws fileMissing or folderNotWritable. */
  constructor(private readonly path: string) {
    const part = (name: string): string => {
      try {
        // A map beside it would be looked for wherever the page is opened.
        return readFileSync(join(packageRoot(), 'dist', name), 'utf8').replace(/\n(?:\/\/|\/\*)# source[M]appingURL=\S*(?: \*\/)?\s*$/, '\n');
      } catch {
        throw new DeltaError('fileMissing', join(packageRoot(), 'dist', name));
      }
    };
    this.script = part('visualizer.js');
    this.style = part('visualizer.css');
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch (thrown) {
      throw new DeltaError('folderNotWritable', dirname(path), codeOf(thrown));
    }
  }

  write(report: InspectReport, text: string): void {
    const version = packageVersion();
    const mode = report.attention === 'compact' ? 'compact' : 'balanced';
    const state: PanelState = {
      file: null, mode, busy: null, note: null, comparison: null, map: null, cache: null, live: null, suggestion: null, look: null, time: null,
      measurement: { report, mode, at: Date.now(), version, lines: text.split(/\r\n|\r|\n/), stale: false },
    };
    const hash = (content: string): string => createHash('sha256').update(content).digest('base64');
    const { script, style } = this;
    try {
      writeFileSync(this.path, standalonePage({ script, style, state: JSON.stringify(state), scriptHash: hash(script), styleHash: hash(style), title: `${basename(report.text.name)} – DeltaLLM` }));
    } catch (thrown) {
      throw new DeltaError('folderNotWritable', dirname(this.path), codeOf(thrown));
    }
  }
}
