// The settings as typed values: what is of a wrong type or outside its range counts as the default, and the log says so once.
import { ConfigurationTarget, workspace, type Disposable, type LogOutputChannel } from 'vscode';
import { isRecord } from '../shared/record.ts';
import { ANY, SECTION, settingsTable, type SettingName, type Settings } from './settingsTable.ts';

const names = Object.keys(settingsTable) as SettingName[];

export class SettingsReader implements Disposable {
  private known: Settings | undefined;
  private readonly complaints = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private readonly subscription: Disposable;

  constructor(private readonly log: LogOutputChannel) {
    this.subscription = workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration(SECTION)) return;
      const before = this.known;
      this.known = this.read();
      // VS Code tells of what was written anywhere: another place may overrule it, and in Restricted Mode a workspace has no say.
      if (before && JSON.stringify(before) === JSON.stringify(this.known)) return;
      for (const listener of this.listeners) listener();
    });
  }

  get current(): Settings {
    return (this.known ??= this.read());
  }

  /** `listener` is called when a value is another one than before. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Writes where the present value comes from, else for the user; what would hold without it is not written but taken back. Rejects where VS Code cannot write its settings. */
  async set<K extends SettingName>(name: K, value: Settings[K]): Promise<void> {
    const configuration = workspace.getConfiguration(SECTION);
    const found = configuration.inspect(name);
    const target = found?.workspaceFolderValue !== undefined ? ConfigurationTarget.WorkspaceFolder : found?.workspaceValue !== undefined ? ConfigurationTarget.Workspace : ConfigurationTarget.Global;
    const below = found && [found.defaultValue, ...(target === ConfigurationTarget.Global ? [] : [found.globalValue]), ...(target === ConfigurationTarget.WorkspaceFolder ? [found.workspaceValue] : [])];
    await configuration.update(name, ownPart(value, below ?? []), target);
  }

  dispose(): void {
    this.subscription.dispose();
    this.listeners.clear();
  }

  private read(): Settings {
    const configuration = workspace.getConfiguration(SECTION);
    return Object.fromEntries(names.map((name) => [name, this.usable(name, configuration.get(name))])) as Settings;
  }

  private usable(name: SettingName, value: unknown): unknown {
    const entry = settingsTable[name];
    if (value === undefined) return entry.default;
    const reason = entry.refuse(value);
    if (reason === null) return value;
    const complaint = `The setting ${SECTION}.${name} is ignored: ${reason}.`;
    if (!this.complaints.has(complaint)) this.log.warn(complaint);
    this.complaints.add(complaint);
    return entry.default;
  }
}

/** What of a value says more than those that hold without it, the strongest last; undefined: nothing. VS Code joins objects by their keys; `*` is every key that is not named. */
function ownPart(value: unknown, below: readonly unknown[]): unknown {
  const under = below.filter((one) => one !== undefined);
  if (!isRecord(value) || under.length === 0) return under.length > 0 && JSON.stringify(under.at(-1)) === JSON.stringify(value) ? undefined : value;
  const joined = Object.assign({}, ...under.filter(isRecord)) as Record<string, unknown>;
  const own = Object.entries(value).filter(([key, one]) => one !== (joined[key] ?? (key === ANY ? undefined : value[ANY])));
  return own.length > 0 ? Object.fromEntries(own) : undefined;
}

