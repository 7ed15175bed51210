// Choosing a chat model: those that are on this computer already, or a GGUF file. The choice is a setting of the user.
import { l10n, Uri, window } from 'vscode';
import type { ModelOffer, ModelOffers } from '../../chat/modelOffers.ts';
import { CancelFlag } from '../../shared/cancel.ts';
import type { OfferView } from '../../shared/chatProtocol.ts';
import type { SettingsReader } from '../settings.ts';

export interface ModelChoiceNeeds {
  offers: ModelOffers;
  settings: Pick<SettingsReader, 'set'>;
  /** What can be seen of this has changed. */
  changed: () => void;
  /** Something that went wrong and is for the log. */
  warn: (sentence: string) => void;
}

export class ModelChoice {
  private found: ModelOffer[] | null = null;
  private looking: { cancel: CancelFlag; done: Promise<void> } | undefined;

  constructor(private readonly needs: ModelChoiceNeeds) {}

  /** Null before anybody looked. */
  get offers(): OfferView[] | null {
    return this.found?.map(({ id, name, origin, detail, refused }) => ({ id, name, origin, detail, refused })) ?? null;
  }

  get searching(): boolean {
    return this.looking !== undefined;
  }

  /** Looks on this computer; where somebody does already, waits for that. */
  find(): Promise<void> {
    if (this.looking) return this.looking.done;
    const cancel = new CancelFlag();
    const done = this.look(cancel).finally(() => {
      this.looking = undefined;
      this.needs.changed();
    });
    this.looking = { cancel, done };
    this.needs.changed();
    return done;
  }

  /** True where the offer was there and is the chat model from now on. */
  async use(id: string): Promise<boolean> {
    const offer = this.found?.find((other) => other.id === id);
    return offer !== undefined && (await this.choose(offer));
  }

  /** Asks for a file. One that cannot be used is listed with its reason. */
  async chooseFile(): Promise<boolean> {
    const chosen = await window.showOpenDialog({
      title: l10n.t('Choose a chat model'), openLabel: l10n.t('Use This Model'), canSelectMany: false, filters: { [l10n.t('Language models')]: ['gguf'], [l10n.t('All files')]: ['*'] },
    });
    const uri: Uri | undefined = chosen?.[0];
    if (!uri) return false;
    const offer = await this.needs.offers.look(uri.fsPath);
    if (offer.refused === null) return this.choose(offer);
    this.found = [offer, ...(this.found ?? []).filter(({ id }) => id !== offer.id)];
    this.needs.changed();
    void window.showWarningMessage(offer.refused);
    return false;
  }

  /** Ends a search. */
  dispose(): void {
    this.looking?.cancel.set();
  }

  private async look(cancel: CancelFlag): Promise<void> {
    try {
      const own = (this.found ?? []).filter(({ refused }) => refused === null);
      const found = await this.needs.offers.find(cancel);
      const paths = new Set(found.map(({ path }) => path));
      this.found = [...found, ...own.filter(({ path }) => !paths.has(path))];
    } catch (thrown) {
      this.found ??= [];
      this.needs.warn(`Looking for models failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }

  private async choose({ path, refused }: ModelOffer): Promise<boolean> {
    if (refused !== null) return false;
    try {
      await this.needs.settings.set('chat.model', path);
      return true;
    } catch (thrown) {
      this.needs.warn(`The setting could not be written: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      void window.showErrorMessage(l10n.t('VS Code could not write the setting "{0}".', 'deltallm.chat.model'));
      return false;
    }
  }
}
