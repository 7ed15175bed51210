// "Copy Diagnostics": what a report needs, and nothing of the user's: no code, no folders. In English, as the log is, for it is meant for reports.
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from 'node:os';
import { basename } from 'node:path';
import { env, version as editorVersion } from 'vscode';
import type { Counts } from '../completion/tally.ts';
import type { EditorRuntime } from './runtime.ts';
import type { Settings } from './settingsTable.ts';

export interface DiagnosticsNeeds {
  runtime: Pick<EditorRuntime, 'state' | 'model' | 'speed' | 'safeMode' | 'lastErrors' | 'look' | 'error'>;
  settings: Settings;
  extensionVersion: string;
  /** Of the requests so far. */
  counts: Counts;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const listed = (counts: Partial<Record<string, number>>): string => Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ') || 'none';

export async function diagnostics({ runtime, settings, extensionVersion, counts }: DiagnosticsNeeds): Promise<string> {
  const { model, speed } = runtime;
  const cache = await runtime.look('memory', {});
  const path = settings['model.path'];
  const chatPath = settings['chat.model'];
  const rows: [string, string][] = [
    ['DeltaLLM', extensionVersion],
    ['Editor', `${env.appName} ${editorVersion}${env.remoteName ? `, remote: ${env.remoteName}` : ''}`],
    ['Node', `${process.version}${process.versions.electron ? `, Electron ${process.versions.electron}` : ''}`],
    ['System', `${platform()} ${arch()} ${release()}`],
    ['CPU', `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} threads`],
    ['Memory', `${megabytes(totalmem())}, ${megabytes(freemem())} free; this process ${megabytes(process.memoryUsage().rss)}`],
    ['State', runtime.error ? `${runtime.state} (${runtime.error.code})` : runtime.state],
    ['Model', model ? `${model.name}, ${(model.parameters / 1e6).toFixed(1)} million parameters, context ${model.context}` : 'not loaded'],
    ['Model file', path === '' ? 'embedded' : basename(path.replaceAll('\\', '/'))],
    ['Chat model file', chatPath === '' ? 'none of its own' : basename(chatPath.replaceAll('\\', '/'))],
    ['Kernels', model ? `${model.kernels}${runtime.safeMode ? ' (safe mode)' : ''}` : 'not loaded'],
    ['Speed', speed ? `reads ${speed.prefill.toFixed(0)}, writes ${speed.decode.toFixed(0)} tokens a second` : 'not measured'],
    ['Cache', cache ? `${megabytes(cache.cacheBytes)} in ${cache.cacheBlocks} blocks of 64 tokens` : 'not known now'],
    ['Confidence', model?.confidence ? `measured at ${model.confidence.samples} places` : 'not measured'],
    ...Object.entries(settings)
      .filter(([name]) => name !== 'model.path' && name !== 'chat.model' && !name.startsWith('remote.') && name !== 'completions.exclude')
      .map(([name, value]): [string, string] => [name, JSON.stringify(value)]),
    ['Server', settings['remote.url'] === '' ? 'none' : `one of the user's own, for ${settings['remote.use']}, prompt ${settings['remote.prompt']}`],
    ['completions.exclude', `${settings['completions.exclude'].length} patterns`],
    ['Requests', `returned ${counts.returned}, suppressed ${counts.suppressed}, superseded ${counts.superseded}`],
    ['Returned', listed(counts.origins)],
    ['Not returned', listed(counts.reasons)],
  ];
  const lines = rows.map(([name, value]) => `${name}: ${value}`);
  const errors = runtime.lastErrors.map(({ at, sentence }) => `  ${new Date(at).toISOString()} ${sentence}`);
  return [...lines, 'Last errors:', ...(errors.length > 0 ? errors : ['  none']), ''].join('\n');
}
