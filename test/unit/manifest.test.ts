import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SECTION, settingsTable } from '../../src/editor/settingsTable.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const texts: Record<string, string> = JSON.parse(readFileSync('package.nls.json', 'utf8'));
const properties: Record<string, Record<string, unknown>> = manifest.contributes.configuration.properties;
const commands: { command: string; title: string; category: string }[] = manifest.contributes.commands;

/** Every %key% in the manifest. */
function keysIn(value: unknown): string[] {
  if (typeof value === 'string') return /^%(.+)%$/.exec(value)?.slice(1) ?? [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(keysIn) : [];
}

describe('the settings in the manifest', () => {
  it('are those that the extension reads', () => {
    expect(Object.keys(properties).sort()).toEqual(Object.keys(settingsTable).map((name) => `${SECTION}.${name}`).sort());
  });

  it.each(Object.entries(settingsTable))('say of %s what the extension expects', (name, entry) => {
    const { order, markdownDescription, markdownEnumDescriptions, scope, default: initial, ...schema } = properties[`${SECTION}.${name}`];
    expect({ scope, initial, schema }).toEqual({ scope: entry.scope, initial: entry.default, schema: entry.schema });
    expect(entry.refuse(initial)).toBeNull();
    expect(markdownDescription).toBe(`%setting.${name}%`);
    if ('enum' in schema) expect(markdownEnumDescriptions).toEqual((schema.enum as string[]).map((value) => `%setting.${name}.${value}%`));
  });

  it('of the workspace do not count while it is not trusted, and none of the machine can come from it', () => {
    expect(manifest.capabilities.untrustedWorkspaces).toMatchObject({ supported: 'limited' });
    expect([...manifest.capabilities.untrustedWorkspaces.restrictedConfigurations].sort()).toEqual(Object.keys(properties).sort());
    for (const name of ['model.path', 'threads', 'cacheMegabytes', 'idleUnloadMinutes']) expect(properties[`${SECTION}.${name}`].scope).toBe('machine');
  });
});

describe('the manifest', () => {
  it('works in virtual workspaces and on either side of a remote window, and starts only after the editor', () => {
    expect(manifest.capabilities.virtualWorkspaces).toBe(true);
    expect(manifest.extensionKind).toEqual(['ui', 'workspace']);
    expect(manifest.activationEvents).toEqual(['onStartupFinished', 'onWebviewPanel:deltallm.visualizer']);
  });

  it('has a text for every key, and no other texts', () => {
    expect([...new Set(keysIn(manifest))].sort()).toEqual(Object.keys(texts).sort());
    for (const text of Object.values(texts)) expect(text.trim()).not.toBe('');
  });

  it('shows its commands under one category, with titles that can be translated', () => {
    for (const { command, title, category } of commands) {
      expect(category).toBe('DeltaLLM');
      expect(title).toBe(`%command.${command.slice(`${SECTION}.`.length)}%`);
    }
    for (const { command } of manifest.contributes.menus.commandPalette) expect(commands.map((entry) => entry.command)).toContain(command);
  });
});
