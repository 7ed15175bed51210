// A few models that are good for something here and small enough for a CPU, as their authors or llama.cpp's publish them. No SHA-256 stands here: the server names it
// when a file is downloaded, and what it names is what is compared.
import { l10n } from 'vscode';

/** Where models are published. */
export const PUBLISHER = 'https://huggingface.co';

export interface CuratedModel {
  /** The file's name, which is also what it is known by here. */
  file: string;
  repository: string;
  name: string;
  licence: string;
  /** Bytes, about: the server knows better. */
  bytes: number;
  purpose: () => string;
}

export const curated: readonly CuratedModel[] = [
  {
    name: 'Qwen2.5-Coder 0.5B', repository: 'ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF', file: 'qwen2.5-coder-0.5b-q8_0.gguf', licence: 'Apache 2.0', bytes: 0.53e9,
    purpose: () => l10n.t('Completions on any machine: much better than the embedded model, and quick.'),
  },
  {
    name: 'Qwen2.5-Coder 1.5B', repository: 'ggml-org/Qwen2.5-Coder-1.5B-Q8_0-GGUF', file: 'qwen2.5-coder-1.5b-q8_0.gguf', licence: 'Apache 2.0', bytes: 1.65e9,
    purpose: () => l10n.t('Completions on a machine with six or more cores.'),
  },
  {
    name: 'Qwen2.5-Coder 3B', repository: 'ggml-org/Qwen2.5-Coder-3B-Q8_0-GGUF', file: 'qwen2.5-coder-3b-q8_0.gguf', licence: 'Qwen Research', bytes: 3.29e9,
    purpose: () => l10n.t('The best completions, for whoever can wait. Its licence allows no commercial use.'),
  },
  {
    name: 'Qwen2.5-Coder 1.5B Instruct', repository: 'Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF', file: 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf', licence: 'Apache 2.0', bytes: 1.12e9,
    purpose: () => l10n.t('The chat, about code.'),
  },
  {
    name: 'LLaMA 3.2 1B Instruct', repository: 'bartowski/Llama-3.2-1B-Instruct-GGUF', file: 'Llama-3.2-1B-Instruct-Q4_K_M.gguf', licence: 'Llama 3.2 Community', bytes: 0.81e9,
    purpose: () => l10n.t('The chat, quick, about anything; less sure of code.'),
  },
  {
    name: 'BitNet b1.58 2B 4T', repository: 'microsoft/bitnet-b1.58-2B-4T-gguf', file: 'ggml-model-i2_s.gguf', licence: 'MIT', bytes: 1.19e9,
    purpose: () => l10n.t('The chat with a larger model at the price of a small one: its weights have three values.'),
  },
];

/** The server that a mirror stands for, without a slash at its end; null: the setting names none that can be used. */
export function serverOf(mirror: string): string | null {
  const text = mirror.trim() || PUBLISHER;
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text.replace(/\/+$/, '') : null;
}

export const addressOf = (server: string, { repository, file }: CuratedModel): string => `${server}/${repository}/resolve/main/${file}`;
