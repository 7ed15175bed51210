// States of the page of models, one for everything that it can show.
import type { DownloadRow, ModelRow, ModelsState } from '../../../src/shared/modelsProtocol.ts';

const model = (over: Partial<ModelRow> = {}): ModelRow => ({
  id: 'm1', name: 'Starter', origin: 'Comes with DeltaLLM', detail: '51 M parameters · Q8_0 · 54 MB', fit: 'Needs 0.4 GB of memory, 6.2 GB are free. Reads about 2,100 and writes about 130 tokens a second here.', refused: '', can: ['completion'], used: ['completion'], removable: false, ...over,
});
const found = model({ id: 'm2', name: 'qwen2.5-coder:1.5b', origin: 'Ollama', detail: '1.5 B parameters · Q4_K_M · 1.1 GB', fit: 'Needs 1.7 GB of memory, 6.2 GB are free. Reads about 95 and writes about 12 tokens a second here.', can: ['completion', 'chat'], used: [] });
const huge = model({ id: 'm3', name: 'Llama-3.3-70B-Instruct', origin: 'LM Studio', detail: '70.6 B parameters · Q4_K_M · 42.5 GB', fit: '', refused: 'Llama-3.3-70B-Instruct needs 45.90 GB of memory but only 6.20 GB are free: close something, or choose a smaller model.', can: [], used: [] });
const own = model({ id: 'm4', name: 'Qwen2.5 Coder 0.5B', origin: 'Downloaded', detail: '494 M parameters · Q8_0 · 531 MB', fit: 'Needs 0.9 GB of memory, 6.2 GB are free.', can: ['completion'], used: [], removable: true });

const row = (over: Partial<DownloadRow> = {}): DownloadRow => ({ id: 'd1', name: 'Qwen2.5-Coder 0.5B', licence: 'Apache 2.0', size: '0.5 GB', purpose: 'Completions on any machine: much better than the embedded model, and quick.', state: 'offered', share: null, progress: '', sentence: '', ...over });
const other = row({ id: 'd2', name: 'Qwen2.5-Coder 3B', licence: 'Qwen Research', size: '3.3 GB', purpose: 'The best completions, for whoever can wait. Its licence allows no commercial use.' });

const state = (over: Partial<ModelsState> = {}): ModelsState => ({
  uses: [{ role: 'completion', name: 'Starter', state: 'ready', share: 1, sentence: '' }, { role: 'chat', name: '', state: 'none', share: 0, sentence: '' }],
  server: '', models: [model()], searched: false, searching: false, downloads: [row(), other], source: 'huggingface.co',
  disk: ['Downloaded models: 531 MB', 'What was measured of models: 1.2 MB', 'Conversations and caches: 0.4 MB'], note: '', ...over,
});

export const modelsStates: Record<string, ModelsState> = {
  first: state({ disk: [] }),
  searching: state({ searching: true }),
  served: state({ server: 'What you write and what you ask in the chat goes to models.example.org (qwen2.5-coder-32b).' }),
  nothing: state({ searched: true }),
  found: state({ searched: true, models: [model(), own, found, huge], downloads: [other] }),
  loading: state({ searched: true, models: [model({ used: [] }), { ...found, used: ['completion', 'chat'] }], uses: [{ role: 'completion', name: 'qwen2.5-coder:1.5b', state: 'loading', share: 0.41, sentence: '' }, { role: 'chat', name: 'qwen2.5-coder:1.5b', state: 'waiting', share: 0, sentence: '' }] }),
  failed: state({ uses: [{ role: 'completion', name: 'big.gguf', state: 'failed', share: 0, sentence: 'big.gguf is cut short: download it again.' }, { role: 'chat', name: '', state: 'none', share: 0, sentence: '' }] }),
  downloading: state({ downloads: [row({ state: 'downloading', share: 0.32, progress: '170 MB of 531 MB, 9.1 MB a second' }), row({ ...other, state: 'checking', share: null, progress: '12 MB' })] }),
  'download failed': state({ downloads: [row({ state: 'begun', sentence: 'huggingface.co does not answer (ENOTFOUND): check the network and VS Code’s proxy setting, then download again; what has come is kept.' }), row({ ...other, sentence: 'big.gguf did not arrive as huggingface.co says it is (its SHA-256 or size differs) and was removed: download it again.' })] }),
  note: state({ note: `Qwen2.5-Coder 0.5B is here. mirror.example names no SHA-256, so nothing was compared; that of the file is ${'0123456789abcdef'.repeat(4)}.`, downloads: [] }),
};
