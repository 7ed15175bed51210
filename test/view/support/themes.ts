// The theme variables that the pages use, with the values of VS Code's own themes: Dark Modern, Light Modern and both of high contrast.

export type ThemeName = 'dark' | 'light' | 'hc-dark' | 'hc-light';

interface Theme {
  /** What the webview's body is told about the theme. */
  kind: 'vscode-dark' | 'vscode-light' | 'vscode-high-contrast' | 'vscode-high-contrast-light';
  /** Of the part of the window that the view lies in. */
  background: string;
  variables: Record<string, string>;
}

const fonts = {
  'font-family': '"DejaVu Sans", sans-serif', 'font-size': '13px', 'font-weight': 'normal', 'editor-font-family': '"DejaVu Sans Mono", monospace', 'editor-font-size': '12px',
};

export const themes: Record<ThemeName, Theme> = {
  dark: {
    kind: 'vscode-dark',
    background: '#181818',
    variables: {
      ...fonts,
      'foreground': '#cccccc', 'descriptionForeground': '#9d9d9d', 'disabledForeground': '#cccccc80', 'errorForeground': '#f85149', 'focusBorder': '#0078d4',
      'button-background': '#0078d4', 'button-foreground': '#ffffff', 'button-hoverBackground': '#026ec1', 'button-border': '#ffffff1a',
      'button-secondaryBackground': '#00000000', 'button-secondaryForeground': '#cccccc', 'button-secondaryHoverBackground': '#2b2b2b', 'button-secondaryBorder': '#cccccc26',
      'chat-requestBubbleBackground': '#264f784d', 'input-background': '#313131', 'input-border': '#3c3c3c', 'input-foreground': '#cccccc', 'input-placeholderForeground': '#989898',
      'editor-background': '#1f1f1f', 'editor-foreground': '#cccccc', 'widget-border': '#313131', 'textCodeBlock-background': '#2b2b2b',
      'textLink-foreground': '#4daafc', 'textLink-activeForeground': '#4daafc', 'textPreformat-foreground': '#d0d0d0', 'textPreformat-background': '#3c3c3c',
      'textBlockQuote-border': '#616161', 'textSeparator-foreground': '#21262d', 'progressBar-background': '#0078d4', 'list-hoverBackground': '#2a2d2e', 'list-inactiveSelectionBackground': '#37373d',
      'toolbar-hoverBackground': '#5a5d5e50', 'scrollbarSlider-background': '#79797966',
      'debugTokenExpression-name': '#c586c0', 'debugTokenExpression-string': '#ce9178', 'debugTokenExpression-boolean': '#4e94ce', 'debugTokenExpression-number': '#b5cea8',
      'debugTokenExpression-error': '#f48771', 'symbolIcon-methodForeground': '#b180d7',
    },
  },
  light: {
    kind: 'vscode-light',
    background: '#f8f8f8',
    variables: {
      ...fonts,
      'foreground': '#3b3b3b', 'descriptionForeground': '#3b3b3b', 'disabledForeground': '#61616180', 'errorForeground': '#f85149', 'focusBorder': '#005fb8',
      'button-background': '#005fb8', 'button-foreground': '#ffffff', 'button-hoverBackground': '#0258a8', 'button-border': '#0000001a',
      'button-secondaryBackground': '#e5e5e5', 'button-secondaryForeground': '#3b3b3b', 'button-secondaryHoverBackground': '#cccccc', 'button-secondaryBorder': '#3b3b3b26',
      'chat-requestBubbleBackground': '#add6ff4d', 'input-background': '#ffffff', 'input-border': '#cecece', 'input-foreground': '#3b3b3b', 'input-placeholderForeground': '#767676',
      'editor-background': '#ffffff', 'editor-foreground': '#3b3b3b', 'widget-border': '#e5e5e5', 'textCodeBlock-background': '#f8f8f8',
      'textLink-foreground': '#005fb8', 'textLink-activeForeground': '#005fb8', 'textPreformat-foreground': '#3b3b3b', 'textPreformat-background': '#0000001f',
      'textBlockQuote-border': '#e5e5e5', 'textSeparator-foreground': '#21262d', 'progressBar-background': '#005fb8', 'list-hoverBackground': '#f2f2f2', 'list-inactiveSelectionBackground': '#e4e6f1',
      'toolbar-hoverBackground': '#b8b8b850', 'scrollbarSlider-background': '#64646466',
      'debugTokenExpression-name': '#9b46b0', 'debugTokenExpression-string': '#a31515', 'debugTokenExpression-boolean': '#0000ff', 'debugTokenExpression-number': '#098658',
      'debugTokenExpression-error': '#e51400', 'symbolIcon-methodForeground': '#652d90',
    },
  },
  'hc-dark': {
    kind: 'vscode-high-contrast',
    background: '#000000',
    variables: {
      ...fonts,
      'foreground': '#ffffff', 'descriptionForeground': '#ffffffb3', 'disabledForeground': '#a5a5a5', 'errorForeground': '#f48771', 'focusBorder': '#f38518', 'contrastBorder': '#6fc3df', 'contrastActiveBorder': '#f38518',
      'button-background': '#000000', 'button-foreground': '#ffffff', 'button-border': '#6fc3df', 'button-secondaryBackground': '#000000', 'button-secondaryForeground': '#ffffff', 'button-secondaryBorder': '#6fc3df',
      'input-background': '#000000', 'input-border': '#6fc3df', 'input-foreground': '#ffffff', 'input-placeholderForeground': '#ffffffb3',
      'editor-background': '#000000', 'editor-foreground': '#ffffff', 'widget-border': '#6fc3df', 'textCodeBlock-background': '#000000',
      'textLink-foreground': '#21a6ff', 'textLink-activeForeground': '#21a6ff', 'textPreformat-foreground': '#000000', 'textPreformat-background': '#ffffff',
      'textBlockQuote-border': '#ffffff', 'textSeparator-foreground': '#000000', 'progressBar-background': '#6fc3df', 'list-hoverBackground': '#ffffff1a',
      'toolbar-hoverOutline': '#f38518', 'scrollbarSlider-background': '#6fc3df99',
      'debugTokenExpression-name': '#ffffff', 'debugTokenExpression-string': '#f48771', 'debugTokenExpression-boolean': '#75bdfe', 'debugTokenExpression-number': '#89d185',
      'debugTokenExpression-error': '#f48771', 'symbolIcon-methodForeground': '#b180d7',
    },
  },
  'hc-light': {
    kind: 'vscode-high-contrast-light',
    background: '#ffffff',
    variables: {
      ...fonts,
      'foreground': '#292929', 'descriptionForeground': '#292929b3', 'disabledForeground': '#7f7f7f', 'errorForeground': '#b5200d', 'focusBorder': '#006bbd', 'contrastBorder': '#0f4a85', 'contrastActiveBorder': '#006bbd',
      'button-background': '#0f4a85', 'button-foreground': '#ffffff', 'button-hoverBackground': '#0f4a85', 'button-border': '#0f4a85', 'button-secondaryBackground': '#ffffff', 'button-secondaryForeground': '#292929', 'button-secondaryBorder': '#0f4a85',
      'input-background': '#ffffff', 'input-border': '#0f4a85', 'input-foreground': '#292929', 'input-placeholderForeground': '#292929b3',
      'editor-background': '#ffffff', 'editor-foreground': '#292929', 'widget-border': '#0f4a85', 'textCodeBlock-background': '#f2f2f2',
      'textLink-foreground': '#0f4a85', 'textLink-activeForeground': '#0f4a85', 'textPreformat-foreground': '#ffffff', 'textPreformat-background': '#09345f',
      'textBlockQuote-border': '#292929', 'textSeparator-foreground': '#292929', 'progressBar-background': '#0f4a85', 'list-hoverBackground': '#0f4a851a',
      'toolbar-hoverOutline': '#006bbd', 'scrollbarSlider-background': '#0f4a8566',
      'debugTokenExpression-name': '#292929', 'debugTokenExpression-string': '#a31515', 'debugTokenExpression-boolean': '#0000ff', 'debugTokenExpression-number': '#098658',
      'debugTokenExpression-error': '#b5200d', 'symbolIcon-methodForeground': '#652d90',
    },
  },
};

export const themeNames = Object.keys(themes) as ThemeName[];

/** The themes that the checker of accessibility is led through: of a routine run the one that asks most of it. */
export const sweptThemes = process.env.DELTALLM_TEST === 'routine' ? (['hc-light'] satisfies ThemeName[]) : themeNames;
