// Which files stand in the prompts at a cursor, and in which order: those that did not change keep theirs, and a changed one comes last, so that what the
// cache knows of the others holds. One set at a time, and it answers to its name alone.
import { filesBefore, filesRoom, type FilesBefore, type OtherFile } from '../prompt/otherFiles.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { FilesForm } from '../tokenizer/files.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { NeighbourDocument } from './neighbourSet.ts';

/** Sizes of prompts for which what stands in them is kept. */
const KEPT = 16;

export interface Placed extends FilesBefore {
  /** In the order of the prompt, as they came. */
  readonly paths: readonly string[];
}

export class PromptFiles {
  private name: string | undefined;
  private folder = '';
  /** Nearest first. */
  private ranked: OtherFile[] = [];
  /** As they stand in a prompt. */
  private order: OtherFile[] = [];
  private readonly made = new Map<string, Placed | undefined>();
  /** The path of each as it came. */
  private paths = new Map<OtherFile, string>();

  /** @param form in which the model reads several files; undefined: it reads none but the one at the cursor */
  constructor(
    private readonly form: FilesForm | undefined,
    private readonly tokenizer: Pick<Tokenizer, 'encode' | 'special'>,
  ) {}

  /** Takes the place of the set before. Nearest first; line ends are \n. */
  become(name: string, folder: string | undefined, documents: readonly NeighbourDocument[]): void {
    if (!this.form || name === this.name) return;
    this.name = name;
    this.folder = folder ?? '';
    const before = this.order;
    this.ranked = documents.map(({ path, text }) => {
      const short = this.pathOf(path);
      return before.find((other) => other.path === short && other.text === text) ?? { path: short, text };
    });
    this.paths = new Map(this.ranked.map((file, i) => [file, documents[i].path]));
    const stays = before.filter((file) => this.ranked.includes(file));
    // The nearest of what is new stands nearest.
    this.order = [...stays, ...this.ranked.filter((file) => !stays.includes(file)).reverse()];
    this.made.clear();
  }

  /** What stands in a prompt of `total` tokens at most. */
  before({ path, before, after }: Snapshot, total: number, name: string | undefined): Placed | undefined {
    const { form, ranked, order, tokenizer, folder } = this;
    const { fim } = tokenizer.special;
    if (!form || !fim || name === undefined || name !== this.name || ranked.length === 0) return undefined;
    const room = filesRoom(total, before.length + after.length);
    if (room === 0) return undefined;
    const key = `${room} ${path}`;
    if (!this.made.has(key)) {
      if (this.made.size === KEPT) this.made.clear();
      const repository = folder.slice(folder.lastIndexOf('/') + 1) || 'repository';
      const placed = filesBefore({ ranked, order, own: this.pathOf(path), repository }, room, form, fim, tokenizer);
      this.made.set(key, placed && { ...placed, paths: placed.files.map((file) => this.paths.get(file)!) });
    }
    return this.made.get(key);
  }

  /** Within the folder, for where that lies on this computer says nothing. */
  private pathOf(path: string): string {
    return this.folder !== '' && path.startsWith(`${this.folder}/`) ? path.slice(this.folder.length + 1) : path;
  }
}
