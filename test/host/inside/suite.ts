// Runs inside the extension host: what the installed extension loads when it is activated, and that its runtime works here.

import Module from 'node:module';
import { join, sep } from 'node:path';
import { commands, extensions, version } from 'vscode';
import { EXTENSION, packageFolder, snapshot, startRuntime } from './runtime.ts';
import { say, task } from './task.ts';
import { startWork } from './work.ts';

function check(ok: boolean, sentence: string, details: unknown[] = []): void {
  say({ check: sentence, ok, details: details.map(String) });
}

interface Report {
  sharedObjects: string[];
  workers: unknown[];
}

/** Node's own account of this process: worker threads, and the libraries of all threads. */
function report(): Report {
  const source = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  source.excludeNetwork = true; // no look-up of names
  return source.getReport() as unknown as Report;
}

const fromPackage = ({ sharedObjects }: Report): string[] => sharedObjects.filter((path) => path.startsWith(packageFolder() + sep) || /onnxruntime|deltallm\.node$/.test(path));

/** What the package's own files ask for with `require` while `action` runs, beside Node's own modules. */
async function requiredDuring(action: () => Thenable<unknown>): Promise<string[]> {
  const loader = Module as unknown as { _load: (request: string, parent?: { filename?: string }, ...rest: unknown[]) => unknown };
  const original = loader._load;
  const seen: string[] = [];
  loader._load = function (request, parent, ...rest) {
    if (parent?.filename?.startsWith(packageFolder() + sep) && !Module.isBuiltin(request)) seen.push(request);
    return original.call(this, request, parent, ...rest);
  };
  try {
    await action();
  } finally {
    loader._load = original;
  }
  return seen;
}

async function activation(): Promise<void> {
  const extension = extensions.getExtension(EXTENSION);
  check(extension !== undefined && extension.extensionPath.startsWith(task.extensions + sep), 'the extension is the installed package', [extension?.extensionPath]);
  if (!extension) return;
  const workersBefore = report().workers.length;
  const required = await requiredDuring(() => extension.activate());
  check(extension.isActive, 'it activates');
  check(required.every((name) => name === 'vscode'), "it asks for no module but VS Code's interface", required);
  const promised = (extension.packageJSON.contributes.commands as { command: string }[]).map(({ command }) => command);
  const there = new Set(await commands.getCommands(true));
  const missing = promised.filter((command) => !there.has(command));
  check(promised.length > 0 && missing.length === 0, 'it registers every command of its manifest', missing);
  const after = report();
  check(after.workers.length === workersBefore, 'it starts no worker', [`${workersBefore} before, ${after.workers.length} after`]);
  check(fromPackage(after).length === 0, 'it loads no native library', fromPackage(after));

  const main = require.cache[join(extension.extensionPath, extension.packageJSON.main)];
  check(typeof main?.exports.deactivate === 'function', 'it can be deactivated', [main?.filename]);
  await main?.exports.deactivate();
}

async function completion(): Promise<void> {
  const workersBefore = report().workers.length;
  const { client, model } = await startRuntime();
  const { text, reason, tokens, sparsity: { key: keySparsity }, meanLogProbability } = await client.call('generate', { prompt: { snapshot: snapshot() }, max: task.max, sampling: { temperature: 0 } });
  say({ host: { node: process.versions.node, vscode: version, electron: process.versions.electron, kernels: model.kernels } });
  say({ completion: { text, reason, tokens, keySparsity, meanLogProbability } });
  check(tokens.generated > 0, "the package's worker completes in the extension host", [reason]);

  const during = report();
  check(during.workers.length === workersBefore + 1, 'it is one worker thread of this process', [`${workersBefore} before, ${during.workers.length} now`]);
  const expected = [/deltallm\.node$/];
  const loaded = fromPackage(during);
  const wrong = [...expected.filter((name) => !loaded.some((path) => name.test(path))), ...loaded.filter((path) => !path.startsWith(packageFolder() + sep))];
  check(wrong.length === 0, 'the addon comes from the package, and nothing else is loaded', wrong);

  await client.close();
  const left = report().workers.length;
  check(left === workersBefore, 'the worker ends when it is closed', [`${workersBefore} before, ${left} now`]);
}

/** A rejection makes VS Code end with another exit code than 0; checks that do not hold are counted outside. */
export async function run(): Promise<void> {
  await activation();
  await completion();
  await startWork(); // goes on while VS Code ends
}
