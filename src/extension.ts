// Wiring only. The engine runs from the command line today; the editor's surfaces are registered here when they exist.

export function activate(): void {}

export function deactivate(): void {}
