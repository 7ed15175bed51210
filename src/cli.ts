// The command line: the same runtime as the editor's, without an editor.
import { asDeltaError, DeltaError } from './shared/errors.ts';
import { CancelFlag } from './shared/cancel.ts';
import { packageRoot } from './shared/packageRoot.ts';
import { leaveDeletedFolder } from './shared/workingFolder.ts';
import { bench } from './cli/bench.ts';
import { chat } from './cli/chat.ts';
import { complete } from './cli/complete.ts';
import { evaluate } from './cli/evaluate.ts';
import { generate } from './cli/generate.ts';
import { importCommand } from './cli/import.ts';
import { inspect } from './cli/inspect.ts';
import { logits } from './cli/logits.ts';
import { models } from './cli/models.ts';
import { detokenize, tokenize } from './cli/tokenize.ts';
import { replay } from './cli/replay.ts';
import { print, say, watchOutput } from './cli/output.ts';
import { clearProgress } from './cli/terminal.ts';

/** A command: the words after its name, and a flag that Ctrl+C sets. */
export type Command = (args: string[], cancel: CancelFlag) => Promise<void>;

const COMMANDS: Record<string, Command> = { complete, generate, chat, tokenize, detokenize, logits, import: importCommand, inspect, models, eval: evaluate, replay, bench };

const asksForHelp = (word: string): boolean => word === '--help' || word === '-h';

/** Those with help of their own. */
const TELLING: readonly string[] = ['eval', 'replay', 'bench'];

const HELP = `deltallm: offline code completion

  deltallm complete --file F --line N --column N [--model M] [--max N] [--prompt-tokens N] [--attention delta|compact|dense] [--threads N] [--json]
  deltallm generate --prompt TEXT [--model M] [--max N] [--seed S] [--temperature T] [--top-k K] [--top-p P] [--min-p P]
                    [--repetition-penalty R] [--stop TEXT]... [--attention delta|compact|dense] [--threads N] [--json]
  deltallm chat --model M [--prompt TEXT] [--system TEXT] [--max N] [--seed S] [--json]
  deltallm tokenize [--model M] [--json] < text        deltallm detokenize [--model M] < ids
  deltallm logits --model M --tokens @ids.json [--attention delta|compact|dense] [--all] --out F
  deltallm inspect --file F [--model M] [--attention delta|compact] [--most N] [--heads] [--json] [--html F]
  deltallm import FILE.gguf [--out DIR [--texts DIR]... [--zeros BALANCED,COMPACT]]
  deltallm models [--json]
  deltallm eval --help                                 deltallm bench engine --help
  deltallm replay --help

--model takes a GGUF file or a model folder; without it the embedded model is used. Lines and columns count from 1.
What is measured of models is kept in the cache folder (DELTALLM_CACHE overrides it). Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped.
`;

const cancel = new CancelFlag();

async function main(): Promise<void> {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name === 'help' || asksForHelp(name) || (Object.hasOwn(COMMANDS, name) && !TELLING.includes(name) && args.some(asksForHelp))) {
    print(HELP);
    return;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new DeltaError('usage', `There is no command "${name}"`);
  const stop = () => {
    cancel.set();
    process.exitCode = 130;
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await command(args, cancel);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

leaveDeletedFolder(packageRoot());
watchOutput(cancel);

main().catch((thrown) => {
  clearProgress();
  const error = asDeltaError(thrown);
  if (error.code === 'cancelled') return;
  say(`deltallm: ${error.code === 'usage' ? error.message.replace(/\.$/, '; see deltallm --help.') : error.message}\n`);
  if (process.env.DELTALLM_DEBUG && thrown instanceof Error) say(`${thrown.stack}\n`);
  process.exitCode = error.code === 'usage' ? 2 : 1;
});
