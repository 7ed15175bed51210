// Parts of a long text stand in volumes: of those out of sight not even the number of their parts costs anything.

/** Parts of one volume. */
const MOST = 24;

/** Puts `part` at the end of `text`: into its last volume, or into a new one, `volume` with that class. */
export function addToVolume(text: Element, part: Element, volume: 'div' | 'span', className: string): void {
  let last = text.lastElementChild;
  if (!last || last.childElementCount >= MOST) {
    last = document.createElement(volume);
    last.className = className;
    text.append(last);
  }
  last.append(part);
}
