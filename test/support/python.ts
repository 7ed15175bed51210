// A Python with PyTorch, for the tests of models/starter/recipe.
import { spawnSync } from 'node:child_process';

/** The first of PYTHON, python3 and the system's own that can import PyTorch: another python3 may stand before Debian's in the path. */
function findPython(): string | undefined {
  const candidates = [process.env.PYTHON, 'python3', '/usr/bin/python3'].filter((name) => name !== undefined);
  return candidates.find((python) => spawnSync(python, ['-c', 'import numpy, torch']).status === 0);
}

export const python = process.platform === 'linux' ? findPython() : undefined;
export const noPython = 'PyTorch is not installed (Debian: apt-get install --no-install-recommends python3-torch libopenblas0-pthread)';
