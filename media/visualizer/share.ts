// "Copy image": the sentence, the strip and the small multiples on one sheet of 1600 × 900, captioned, without source text unless that is wanted.
import { regionsOfLines, withoutSinks } from '../../src/shared/inspectFigures.ts';
import type { MeasurementView } from '../../src/shared/panelProtocol.ts';
import type { PanelContext } from './context.ts';
import { paintInto, planOf } from './paint.ts';
import type { Picture } from './picture.ts';
import { caption, headline } from './sections.ts';

export const SHEET = { width: 1600, height: 900 };
const EDGE = 48;
const STRIP = 560;
const FOOT = 40;

/** Draws at the given size whatever the screen's density. */
export function sheetOf(measurement: MeasurementView, pictures: readonly Picture[], withText: boolean, context: PanelContext): HTMLCanvasElement {
  const { ramp } = context;
  const canvas = document.createElement('canvas');
  Object.assign(canvas, SHEET);
  const sheet = canvas.getContext('2d')!;
  const { fontFamily } = getComputedStyle(document.body);
  sheet.fillStyle = ramp.colour(0);
  sheet.fillRect(0, 0, SHEET.width, SHEET.height);
  sheet.fillStyle = ramp.own('ink');
  sheet.textBaseline = 'alphabetic';
  sheet.font = `32px ${fontFamily}`;
  sheet.fillText(headline(measurement, context), EDGE, EDGE + 32, SHEET.width - 2 * EDGE);
  sheet.fillStyle = ramp.own('quiet');
  sheet.font = `15px ${fontFamily}`;
  sheet.fillText(caption(measurement, context), EDGE, SHEET.height - FOOT + 8, SHEET.width - 2 * EDGE);
  const top = EDGE + 64;
  strip(sheet, measurement, withText, context, { x: EDGE, y: top, width: STRIP, height: SHEET.height - top - FOOT - 24 });
  let [x, y, row] = [EDGE + STRIP + 56, top, 0];
  const room = (SHEET.width - EDGE - x - 40) / 2;
  for (const [index, picture] of pictures.slice(0, 4).entries()) {
    const plan = planOf(picture, room, ramp.printing);
    sheet.fillStyle = ramp.own('ink');
    sheet.textBaseline = 'alphabetic';
    sheet.textAlign = 'left';
    sheet.font = `bold 16px ${fontFamily}`;
    sheet.fillText(picture.title, x, y + 14, room);
    sheet.fillStyle = ramp.own('quiet');
    sheet.font = `13px ${fontFamily}`;
    sheet.fillText(picture.axes, x, y + 34, room);
    sheet.save();
    sheet.translate(x, y + 44);
    const fit = Math.min(1.4, room / plan.width, 296 / plan.height);
    sheet.scale(fit, fit);
    paintInto(sheet, picture, plan, ramp, fontFamily);
    sheet.restore();
    row = Math.max(row, plan.height * fit + 76);
    if (index % 2 === 1) [x, y, row] = [EDGE + STRIP + 56, y + row, 0];
    else x += room + 40;
  }
  return canvas;
}

/** Pixels of a character where only the outline of the text is shown. */
const CHARACTER = 5;
/** What nothing looked at is seen, too. */
const FAINT = 0.12;

/** Each line tinted by what it got of the attention, as text or as its outline; the window has its bracket, the sinks their mark. */
function strip(sheet: CanvasRenderingContext2D, { report, lines }: MeasurementView, withText: boolean, { ramp, say, figures }: PanelContext, { x, y, width, height }: { x: number; y: number; width: number; height: number }): void {
  const { looked } = report;
  const shares = withoutSinks(looked.lines.delta, looked.sinks.delta);
  const most = Math.min(0.1, Math.max(...shares, 1e-12));
  const { windowLine, sinkLines } = regionsOfLines(report);
  const family = getComputedStyle(document.body).fontFamily;
  sheet.fillStyle = ramp.own('ink');
  sheet.textAlign = 'left';
  sheet.font = `bold 16px ${family}`;
  sheet.fillText(say('What the last {0} tokens looked at', figures.whole(looked.rows)), x, y + 14);
  sheet.fillStyle = ramp.own('quiet');
  sheet.font = `13px ${family}`;
  sheet.fillText(say('Share of the attention by line, without the sinks’ {0}. Bracket: the window, exact.', figures.share(looked.sinks.delta)), x, y + 34, width);
  const [from, room] = [y + 48, height - 48];
  const each = Math.min(18, room / shares.length);
  shares.forEach((share, line) => {
    const at = from + line * each;
    const text = (lines[line] ?? '').replaceAll('\t', '  ');
    const tint = Math.sqrt(Math.min(1, share / most));
    const prints = withText && each >= 7;
    const indent = prints ? 0 : CHARACTER * (text.length - text.trimStart().length);
    const length = prints ? width - 14 : Math.min(width - 14 - indent, CHARACTER * text.trim().length);
    sheet.fillStyle = ramp.colour(prints ? tint : FAINT + (1 - FAINT) * tint);
    if (length > 0) sheet.fillRect(x + 14 + indent, at, length, Math.max(0.5, each - (each > 3 ? 1 : 0)));
    if (sinkLines.includes(line)) {
      sheet.fillStyle = ramp.own('ink');
      sheet.fillRect(x + 6, at, 5, Math.max(2, each - 1));
    }
    if (!prints) return;
    sheet.fillStyle = ramp.ink(tint);
    sheet.font = `${Math.min(12, each - 2)}px monospace`;
    sheet.textBaseline = 'middle';
    sheet.save();
    sheet.beginPath();
    sheet.rect(x + 14, at, width - 14, each);
    sheet.clip();
    sheet.fillText(text.slice(0, 200), x + 20, at + each / 2);
    sheet.restore();
  });
  sheet.fillStyle = ramp.own('ink');
  sheet.fillRect(x, from + windowLine * each, 2, (shares.length - windowLine) * each);
}

/** Into the clipboard, or as PNG where the page may not write there. */
export async function copyPicture(measurement: MeasurementView, pictures: readonly Picture[], withText: boolean, context: PanelContext): Promise<'clipboard' | Uint8Array> {
  const canvas = sheetOf(measurement, pictures, withText, context);
  const blob = await new Promise<Blob>((done) => canvas.toBlob((made) => done(made!), 'image/png'));
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    return 'clipboard';
  } catch {
    return new Uint8Array(await blob.arrayBuffer());
  }
}
